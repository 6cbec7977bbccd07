package calibrate

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Disk is what a disk takes.
type Disk struct {
	Syncs                   []int64 // append of 4 KiB and sync: nanoseconds, in ascending order
	Sync64K, Sync1M         int64   // medians of larger ones
	Rate4, Rate16           int64   // syncs a second, in so many files at a time
	Writes                  []int64 // append of 4 KiB without a sync, in ascending order
	Write1M                 int64
	Read4K, Read1M, Renamed int64
	Writeback               int64 // nanoseconds until the kernel writes by itself; 0: unknown
}

// measureDisk appends, syncs, reads and renames in a directory of its own below dir, and removes it. Of several rounds each number is
// the best: what disturbs is not the disk.
func measureDisk(ctx context.Context, o *Options) (best Disk, err error) {
	dir, err := os.MkdirTemp(o.Dir, ".calibrate-")
	if err != nil {
		return best, err
	}
	defer os.RemoveAll(dir)
	rounds, n := 5, 20
	if o.Quick {
		rounds, n = 1, 10
	}
	for round := range rounds {
		o.progress("the disk", round, rounds)
		d, err := diskRound(ctx, dir, n)
		if err != nil {
			return best, err
		}
		if round == 0 {
			best = d
			continue
		}
		best.better(&d)
	}
	best.Writeback = writeback()
	return best, nil
}

// diskRound measures everything once: n large writes, and more of the small.
func diskRound(ctx context.Context, dir string, n int) (d Disk, err error) {
	if d.Syncs, err = appends(ctx, dir, 4<<10, 50*n, true); err != nil {
		return d, err
	}
	if d.Sync64K, err = median(appends(ctx, dir, 64<<10, n, true)); err != nil {
		return d, err
	}
	if d.Sync1M, err = median(appends(ctx, dir, 1<<20, n, true)); err != nil {
		return d, err
	}
	for _, row := range []struct {
		files int
		rate  *int64
	}{{4, &d.Rate4}, {16, &d.Rate16}} {
		if *row.rate, err = parallelSyncs(ctx, dir, row.files, 10*n); err != nil {
			return d, err
		}
	}
	if d.Writes, err = appends(ctx, dir, 4<<10, 100*n, false); err != nil {
		return d, err
	}
	if d.Write1M, err = median(appends(ctx, dir, 1<<20, n, false)); err != nil {
		return d, err
	}
	if d.Read4K, d.Read1M, err = reads(dir, n); err != nil {
		return d, err
	}
	d.Renamed, err = median(renames(dir, 10*n))
	return d, err
}

// better takes over what another round found better; of distributions the one of the quieter round.
func (d *Disk) better(o *Disk) {
	d.Syncs, d.Writes = quieter(d.Syncs, o.Syncs), quieter(d.Writes, o.Writes)
	for _, t := range []struct{ have, other *int64 }{
		{&d.Sync64K, &o.Sync64K},
		{&d.Sync1M, &o.Sync1M},
		{&d.Write1M, &o.Write1M},
		{&d.Read4K, &o.Read4K},
		{&d.Read1M, &o.Read1M},
		{&d.Renamed, &o.Renamed},
	} {
		*t.have = min(*t.have, *t.other)
	}
	d.Rate4, d.Rate16 = max(d.Rate4, o.Rate4), max(d.Rate16, o.Rate16)
}

// quieter is the distribution with the lesser 99th percentile, which others on the machine spoil first; both are sorted.
func quieter(a, b []int64) []int64 {
	if b[len(b)*99/100] < a[len(a)*99/100] {
		return b
	}
	return a
}

func median(times []int64, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return times[len(times)/2], nil
}

// appends is the times of appends to a new file, each with its sync or without, in ascending order.
func appends(ctx context.Context, dir string, size, n int, sync bool) (times []int64, err error) {
	f, err := os.OpenFile(filepath.Join(dir, "appends"), os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, size)
	for range n {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		start := time.Now()
		if _, err = f.Write(data); err == nil && sync {
			err = f.Sync()
		}
		if err != nil {
			return nil, err
		}
		times = append(times, int64(time.Since(start)))
	}
	slices.Sort(times)
	return times, nil
}

// parallelSyncs is appends of 4 KiB with a sync a second, all of a number of files together.
func parallelSyncs(ctx context.Context, dir string, files, n int) (rate int64, err error) {
	errs := make([]error, files)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range files {
		wg.Add(1)
		go func() {
			defer wg.Done()
			sub := filepath.Join(dir, strconv.Itoa(i))
			if errs[i] = os.MkdirAll(sub, 0o700); errs[i] == nil {
				_, errs[i] = appends(ctx, sub, 4<<10, n, true)
			}
		}()
	}
	wg.Wait()
	took := time.Since(start)
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return int64(files*n) * int64(time.Second) / max(int64(took), 1), nil
}

// reads are the medians of reads that the page cache serves.
func reads(dir string, n int) (small, large int64, err error) {
	name := filepath.Join(dir, "reads")
	if err := os.WriteFile(name, make([]byte, 8<<20), 0o600); err != nil {
		return 0, 0, err
	}
	f, err := os.Open(name)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	read := func(size, n int) (times []int64, err error) {
		data := make([]byte, size)
		for i := range n {
			start := time.Now()
			if _, err := f.ReadAt(data, int64(i)*int64(size)%(8<<20)); err != nil {
				return nil, err
			}
			times = append(times, int64(time.Since(start)))
		}
		slices.Sort(times)
		return times, nil
	}
	if small, err = median(read(4<<10, 50*n)); err != nil {
		return 0, 0, err
	}
	large, err = median(read(1<<20, n))
	return small, large, err
}

func renames(dir string, n int) (times []int64, err error) {
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := os.WriteFile(a, []byte("x"), 0o600); err != nil {
		return nil, err
	}
	for range n {
		start := time.Now()
		if err := os.Rename(a, b); err != nil {
			return nil, err
		}
		times = append(times, int64(time.Since(start)))
		a, b = b, a
	}
	slices.Sort(times)
	return times, nil
}

// writeback is what Linux is set to: a change is written when it is that old and the writer wakes.
func writeback() (nanos int64) {
	if runtime.GOOS != "linux" {
		return 0
	}
	for _, name := range []string{"dirty_expire_centisecs", "dirty_writeback_centisecs"} {
		text, err := os.ReadFile("/proc/sys/vm/" + name)
		n, bad := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil || bad != nil || n <= 0 || n > math.MaxInt32 {
			return 0
		}
		nanos += n * int64(10*time.Millisecond)
	}
	return nanos
}
