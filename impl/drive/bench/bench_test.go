//go:build !race

package bench

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

type settings struct {
	nodes, rounds, payload int
	length                 time.Duration
	only, dir              string
}

var flags settings

func TestMain(m *testing.M) {
	flag.IntVar(&flags.nodes, "nodes", 1, "nodes a cluster: 1 or 3")
	flag.IntVar(&flags.rounds, "rounds", 3, "rounds over all workloads")
	flag.IntVar(&flags.payload, "payload", 128, "bytes a message")
	flag.DurationVar(&flags.length, "time", time.Second, "length of one measurement")
	flag.StringVar(&flags.only, "only", "", "workloads to run, comma-separated (all)")
	flag.StringVar(&flags.dir, "dir", "", "where the servers keep their data (a temporary directory)")
	if spec := os.Getenv(childEnv); spec != "" {
		exit(child(spec))
	}
	os.Exit(m.Run())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// One run is the whole comparison: its workloads and servers take turns.
func BenchmarkAcknowledgedPublishes(b *testing.B) {
	if flags.dir == "" {
		flags.dir = b.TempDir()
	}
	for b.Loop() {
		results, err := run(flags, b.Logf)
		if err != nil {
			b.Fatal(err)
		}
		fmt.Print(report(flags, results)) // b.Log would cut it off
		for _, w := range workloads {
			if theirs, ours := results["nats-server"+w.name], results["brokerlab"+w.name]; len(theirs) > 0 {
				b.ReportMetric(median(ours, rate)/median(theirs, rate), w.name+"-ratio")
			}
		}
	}
}

func TestBothServersKeepExactlyWhatTheyAcknowledge(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	s := settings{nodes: 1, rounds: 1, payload: 128, length: 100 * time.Millisecond, only: "sync1,async1", dir: t.TempDir()}
	if _, err := run(s, t.Logf); err != nil { // which compares the two
		t.Fatal(err)
	}
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

func run(s settings, logf func(string, ...any)) (map[string][]result, error) {
	if s.nodes != 1 && s.nodes != 3 {
		return nil, fmt.Errorf("%d nodes: want 1 or 3", s.nodes)
	}
	var systems []*system
	for _, name := range []string{"nats-server", "brokerlab"} {
		sys, err := startSystem(name, s)
		defer sys.stop()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
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
					return nil, fmt.Errorf("%s, %s, round %d: %w", sys.name, w.name, round+1, err)
				}
				results[sys.name+w.name] = append(results[sys.name+w.name], r)
				logf("round %d %-7s %-12s %9.0f/s", round+1, w.name, sys.name, r.rate)
			}
		}
	}
	return results, nil
}

func rate(r result) float64 { return r.rate }

func report(s settings, results map[string][]result) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%d node(s), %d B, %d rounds of %v, synced before the acknowledgement\n", s.nodes, s.payload, s.rounds, s.length)
	fmt.Fprintf(&out, "%-8s %12s %12s %22s  %-25s %s\n", "", "nats-server", "brokerlab", "ratio", "p50/p99 µs", "server CPU µs a publish")
	for _, w := range workloads {
		theirs, ours := results["nats-server"+w.name], results["brokerlab"+w.name]
		if len(theirs) == 0 {
			continue
		}
		base := median(theirs, rate)
		low, high := spread(ours, rate)
		fmt.Fprintf(&out, "%-8s %10.0f/s %10.0f/s %6.2f [%5.2f to %5.2f]  %s, %s  %.0f, %.0f\n", w.name, base, median(ours, rate),
			median(ours, rate)/base, low/base, high/base, latency(theirs), latency(ours),
			median(theirs, func(r result) float64 { return r.cpu }), median(ours, func(r result) float64 { return r.cpu }))
	}
	return out.String()
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
