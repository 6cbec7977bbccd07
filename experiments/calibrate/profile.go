package calibrate

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/brokerlab/brokerlab/experiments/hardware"
	"github.com/brokerlab/brokerlab/model/machine"
)

// Run measures everything and makes a profile of it, under a name. What cannot be measured here, collectors above all, is that of
// the two-core profile, with its marks.
func Run(ctx context.Context, name string, o Options) (*hardware.Profile, []Table, error) {
	tables, err := Steps(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	d, err := measureDisk(ctx, &o)
	if err != nil {
		return nil, nil, fmt.Errorf("disk: %w", err)
	}
	n, err := measureNetwork(ctx, &o)
	if err != nil {
		return nil, nil, err
	}
	base, err := hardware.Load("two-core")
	if err != nil {
		return nil, nil, err
	}
	m := &maker{where: fmt.Sprintf("brokerlab calibrate, %s machine, %s", name, goVersion())}
	if o.Quick {
		m.where = strings.Replace(m.where, "calibrate", "calibrate --quick", 1)
	}
	m.machine()
	m.disk(&d)
	m.network(&n)
	for i := range tables {
		m.program(&tables[i])
	}
	about := fmt.Sprintf("Measured by brokerlab calibrate: %d cores, %s/%s.", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	p, err := base.Replace(name, about, m.rows)
	return p, tables, err
}

// goVersion is "Go 1.26": a patch release changes no cost.
func goVersion() string {
	v := strings.Split(strings.TrimPrefix(runtime.Version(), "go"), ".")
	if len(v) < 2 {
		return runtime.Version()
	}
	return "Go " + v[0] + "." + v[1]
}

// maker gathers measured constants.
type maker struct {
	where string
	rows  []hardware.Row
}

func (m *maker) add(name string, value int64, unit, how string, args ...any) {
	source := m.where
	source += ": " + fmt.Sprintf(how, args...)
	m.rows = append(m.rows, hardware.Row{Name: name, Constant: hardware.Constant{Value: value, Unit: unit, Mark: hardware.Measured, Source: source}})
}

func (m *maker) machine() {
	m.add("cores", int64(runtime.NumCPU()), "count", "processors that the runtime sees")
	m.add("cpu_ppm", 1_000_000, "ppm", "programs' costs were measured on this machine")
	m.add("nic_ps_per_byte", 0, "ps/byte", "loopback has no interface; what the kernel takes is in kernel.*")
}

// disk fits F(b) = sync_ns + b*sync_ns_per_kib to syncs of 4 KiB and 1 MiB, and the same to writes and reads.
func (m *maker) disk(d *Disk) {
	line := func(name, how string, small, large int64) {
		slope := max((large-small)/1020, 1)
		m.add("disk."+name+"_ns", max(small-4*slope, 1), "ns", "%s, p50 of 4 KiB %d ns, of 1 MiB %d us", how, small, large/1000)
		m.add("disk."+name+"_ns_per_kib", slope, "ns/KiB", "%s, from 4 KiB to 1 MiB", how)
	}
	p50 := d.Syncs[len(d.Syncs)/2]
	line("sync", fmt.Sprintf("append and fsync (64 KiB: p50 %d us)", d.Sync64K/1000), p50, d.Sync1M)
	line("write", "append into the page cache", d.Writes[len(d.Writes)/2], d.Write1M)
	line("read", "read from the page cache", d.Read4K, d.Read1M)
	m.add("disk.name_ns", max(d.Renamed, 1), "ns", "rename, p50")
	// Against what one file could do undisturbed: a stall of somebody else's making is in a rate, but not in a median.
	alone := max(int64(time.Second)/max(p50, 1), 1)
	m.add("disk.parallel", max((max(d.Rate4, d.Rate16)+alone/2)/alone, 1), "count", "append of 4 KiB and fsync in 4 and 16 files at a time: %d and %d a second, in one by its p50 %d", d.Rate4, d.Rate16, alone)
	if d.Writeback > 0 {
		m.add("disk.writeback_ns", d.Writeback, "ns", "vm.dirty_expire_centisecs and vm.dirty_writeback_centisecs as they are set")
	}
	m.shape("disk.sync_shape", d.Syncs, 0)
	m.shape("disk.cache_shape", d.Writes, 0)
}

// network splits a round trip into what the host is charged at the broker (an input, and its waking up) and two ways.
func (m *maker) network(n *Network) {
	p50 := n.Trips[len(n.Trips)/2]
	input := min(n.Write, p50/2)
	wake := p50/2 - input
	m.add("kernel.input_ns", input, "ns", "a write and a read of 64 B over loopback, one after the other")
	m.add("kernel.output_ns", n.Fan, "ns", "a write of 160 B over loopback to each of %d connections once in a millisecond", listeners)
	m.add("kernel.read_ps_per_byte", n.Picos, "ps/byte", "writes of 256 KiB over loopback, copy in and copy out at a time on a core each")
	m.add("kernel.write_ps_per_byte", n.Picos, "ps/byte", "as kernel.read_ps_per_byte")
	for _, program := range []string{"nats", "kafka", "redpanda"} {
		m.add(program+".wake_ns", wake, "ns", "half of a round trip of 64 B (p50 %d ns) less kernel.input_ns: out of epoll, in Go", p50)
	}
	m.add("network.latency_ns", max(p50/4, 1), "ns", "half of what a round trip of 64 B (p50 %d ns) leaves beside kernel.input_ns and a wake-up, which the host charges", p50)
	m.add("network.ps_per_byte", n.Picos, "ps/byte", "writes of 256 KiB over loopback")
	m.shape("network.latency_shape", n.Trips, p50/2)
}

// shape is a distribution relative to its median, once what is charged elsewhere has been taken off.
func (m *maker) shape(name string, sorted []int64, less int64) {
	p50 := max(sorted[len(sorted)/2]-less, 1)
	last := int64(0)
	for _, q := range []struct {
		name string
		ppm  int
	}{{"p0", 0}, {"p90", 900_000}, {"p99", 990_000}, {"p99.9", 999_000}, {"p99.99", 999_900}, {"p100", 1_000_000}} {
		i := min(len(sorted)*q.ppm/1_000_000, len(sorted)-1)
		v := max(sorted[i]-less, 0) * 1000 / p50 * 1000
		if q.name == "p0" {
			v = min(v, 1_000_000)
		} else {
			v = max(v, last, 1_000_000)
		}
		last = v
		m.add(name+"."+q.name, v, "ppm", "%s of %d samples, in millionths of the median", q.name, len(sorted))
	}
}

// program is what the fit of a design's rows found.
func (m *maker) program(t *Table) {
	times, bytes := t.Errors()
	how := fmt.Sprintf("least squares over %d kinds of input to this project's Step; half of them within %d %% in time, %d %% in bytes", len(t.Rows), times, bytes)
	round := func(v float64) int64 { return int64(v + 0.5) }
	m.add(t.Design+".step_ns", round(t.Times[stepColumn]), "ns", "%s", how)
	for k := range machine.WorkKinds {
		unit, byte, why := unitColumn(k), byteColumn(k), how
		if !charged(t.Rows, k) {
			why = "no kind of input measured is charged for it"
		}
		name := t.Design + "." + k.String()
		m.add(name+".ns", round(t.Times[unit]), "ns", "%s", why)
		m.add(name+".ps_per_byte", round(t.Times[byte]*1000), "ps/byte", "%s", why)
		m.add(name+".alloc_bytes", round(t.Allocs[unit]), "bytes", "%s", why)
		m.add(name+".alloc_per_kib", round(t.Allocs[byte]*1024), "bytes/KiB", "%s", why)
	}
}

func charged(rows []Row, k machine.WorkKind) bool {
	for i := range rows {
		if rows[i].Count[k]+rows[i].Size[k] > 0 {
			return true
		}
	}
	return false
}
