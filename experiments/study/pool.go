package study

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
)

// pool runs cells in worker processes: a world's entropy is the process's (sim/entropy.go), so cells share no process at a time.
type pool struct {
	command  []string
	workers  int
	progress func(done, total int)
}

// run returns the output of every cell, in order.
func (p *pool) run(ctx context.Context, a assignment, total int) ([]Output, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var (
		mu   sync.Mutex
		next int
		done int
		errs []error
		wg   sync.WaitGroup
	)
	out := make([]Output, total)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		n := next
		next++
		return n, n < total
	}
	keep := func(n int, o Output) {
		mu.Lock()
		defer mu.Unlock()
		out[n] = o
		if done++; p.progress != nil {
			p.progress(done, total)
		}
	}
	for range min(max(p.workers, 1), total) {
		wg.Go(func() {
			if err := p.worker(ctx, a, take, keep); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
				stop()
			}
		})
	}
	wg.Wait()
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return out, ctx.Err()
}

// worker keeps one process busy until there are no more cells.
func (p *pool) worker(ctx context.Context, a assignment, take func() (int, bool), keep func(int, Output)) error {
	cmd := exec.CommandContext(ctx, p.command[0], p.command[1:]...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=400", "GOMEMLIMIT=6GiB")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting a worker: %w", err)
	}
	err = feed(a, in, bufio.NewReaderSize(pipe, 1<<20), take, keep)
	err = errors.Join(err, in.Close(), cmd.Wait())
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func feed(a assignment, in io.Writer, out *bufio.Reader, take func() (int, bool), keep func(int, Output)) error {
	if err := json.NewEncoder(in).Encode(a); err != nil {
		return err
	}
	for n, ok := take(); ok; n, ok = take() {
		if _, err := fmt.Fprintln(in, n); err != nil {
			return err
		}
		line, err := out.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("study %s, cell %d: the worker ended: %w", a.Study, n, err)
		}
		var r reply
		if err := json.Unmarshal(line, &r); err != nil {
			return err
		}
		if r.Error != "" {
			return fmt.Errorf("study %s, cell %d: %s", a.Study, n, r.Error)
		}
		keep(n, r.Output)
	}
	return nil
}
