package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

type settings struct {
	nodes, rounds, payload int
	length                 time.Duration
	only, dir              string
}

func main() {
	var s settings
	flag.IntVar(&s.nodes, "nodes", 1, "nodes a cluster: 1 or 3")
	flag.IntVar(&s.rounds, "rounds", 5, "rounds over all workloads")
	flag.IntVar(&s.payload, "payload", 128, "bytes a message")
	flag.DurationVar(&s.length, "time", 2*time.Second, "length of one measurement")
	flag.StringVar(&s.only, "only", "", "workloads to run, comma-separated (all)")
	flag.StringVar(&s.dir, "dir", "", "where the servers keep their data (a temporary directory)")
	flag.Parse()
	if spec := os.Getenv(childEnv); spec != "" {
		exit(child(spec))
	}
	exit(run(s))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// workload is clients with so many publishes each under way.
type workload struct {
	name            string
	clients, window int
}

var workloads = []workload{
	{"sync1", 1, 1}, {"sync16", 16, 1}, {"sync64", 64, 1}, {"async1", 1, 1000}, {"async4", 4, 1000},
}

// result is one measurement.
type result struct {
	rate, cpu float64 // publishes a second; µs of the servers' processor time a publish
	p50, p99  time.Duration
}

func run(s settings) error {
	if s.nodes != 1 && s.nodes != 3 {
		return fmt.Errorf("%d nodes: want 1 or 3", s.nodes)
	}
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		s.dir = dir
	}
	var systems []*system
	for _, name := range []string{"nats-server", "brokerlab"} {
		sys, err := startSystem(name, s)
		if sys != nil {
			defer sys.stop()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		systems = append(systems, sys)
	}
	results := map[string][]result{}
	for round := range s.rounds {
		for _, w := range workloads {
			if s.only != "" && !slices.Contains(strings.Split(s.only, ","), w.name) {
				continue
			}
			for i := range systems {
				sys := systems[(i+round)%len(systems)] // neither is always the first
				r, err := sys.measure(w, s)
				if err != nil {
					return fmt.Errorf("%s, %s, round %d: %w", sys.name, w.name, round+1, err)
				}
				results[sys.name+w.name] = append(results[sys.name+w.name], r)
				fmt.Fprintf(os.Stderr, "round %d %-7s %-12s %9.0f/s\n", round+1, w.name, sys.name, r.rate)
			}
		}
	}
	report(s, results)
	return nil
}

func report(s settings, results map[string][]result) {
	fmt.Printf("%d node(s), %d B, %d rounds of %v, synced before the acknowledgement\n", s.nodes, s.payload, s.rounds, s.length)
	fmt.Printf("%-8s %12s %12s %22s  %-25s %s\n", "", "nats-server", "brokerlab", "ratio", "p50/p99 µs", "server CPU µs a publish")
	for _, w := range workloads {
		theirs, ours := results["nats-server"+w.name], results["brokerlab"+w.name]
		if len(theirs) == 0 {
			continue
		}
		rate := func(r result) float64 { return r.rate }
		base := median(theirs, rate)
		low, high := spread(ours, rate)
		fmt.Printf("%-8s %10.0f/s %10.0f/s %6.2f [%5.2f to %5.2f]  %s, %s  %.0f, %.0f\n", w.name, base, median(ours, rate),
			median(ours, rate)/base, low/base, high/base, latency(theirs), latency(ours),
			median(theirs, func(r result) float64 { return r.cpu }), median(ours, func(r result) float64 { return r.cpu }))
	}
}

func latency(rs []result) string {
	us := func(d func(result) time.Duration) float64 {
		return median(rs, func(r result) float64 { return float64(d(r).Microseconds()) })
	}
	return fmt.Sprintf("%.0f/%.0f", us(func(r result) time.Duration { return r.p50 }), us(func(r result) time.Duration { return r.p99 }))
}

func median(rs []result, of func(result) float64) float64 {
	v := values(rs, of)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func spread(rs []result, of func(result) float64) (low, high float64) {
	v := values(rs, of)
	return v[0], v[len(v)-1]
}

func values(rs []result, of func(result) float64) []float64 {
	var v []float64
	for _, r := range rs {
		v = append(v, of(r))
	}
	slices.Sort(v)
	return v
}
