package studies

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/rundir"
)

var frontier = Study{
	Name:     "durability-frontier",
	Question: "How much of what was acknowledged is gone when nodes lose power together, against how often a log is synced?",
	Vary:     "sync interval and how many of three nodes lose power at once, by design and settings; one tape of load and faults for all",
	Small:    3, Full: 30,
	Tables: []Table{{"losses", []string{
		"system", "design", "policy", "settings", "sync_interval_ms", "nodes_down", "seed", "read_back", "acked", "lost", "lost_ppm", "lost_ms",
	}}},
	Grid:     frontierGrid,
	Conclude: concludeFrontier,
}

// Intervals, in milliseconds: 0 is "before it is acknowledged", never is only when the kernel writes back by itself (35 s).
const (
	before = int64(0)
	never  = int64(-1)
)

// tapeSystem is one line of the frontier at one interval.
type tapeSystem struct {
	system
	settings string
	interval int64
}

// intervals between syncs that are compared, in milliseconds; nats-server's default is the last.
var intervals = []int64{100, 1000, 10_000, 30_000, 120_000}

func frontierSystems(size Size) (out []tapeSystem) {
	intervals := intervals
	if size == Small {
		intervals = []int64{1000, 10_000, 120_000}
	}
	add := func(s system, settings string, interval int64) { out = append(out, tapeSystem{s, settings, interval}) }
	add(reference, "as it is", before)
	add(natsAlways, "sync=group", before)
	add(redpanda, "acks=all", before)
	for _, ms := range intervals {
		lax := reference.with("reference, sync=interval").every(ms, "sync=interval")
		lax.policy = replicated
		add(lax, "sync=interval", ms)
		add(natsDefault.with("NATS").every(ms, "sync=interval"), "sync=interval", ms)
	}
	for _, elr := range []string{"on", "off"} {
		for _, acks := range []string{"all", "1", "0"} {
			if size == Small && elr == "off" && acks != "all" {
				continue
			}
			k := kafkaAll.with("Kafka acks="+acks+", ELR "+elr, "acks="+acks, "elr="+elr)
			if acks == "all" {
				k.policy = replicated
			} else {
				k.policy = memory
			}
			add(k, fmt.Sprintf("acks=%s elr=%s flush=none", acks, elr), never)
			f := k.with(k.name, "flush=each")
			if f.policy = synced; acks != "all" {
				f.policy = oneSynced
			}
			add(f, fmt.Sprintf("acks=%s elr=%s flush=each", acks, elr), before)
		}
	}
	for _, ms := range intervals {
		add(kafkaAll.with("Kafka acks=all, ELR on").every(ms, "flush=interval"), "acks=all elr=on flush=interval", ms)
	}
	return out
}

func frontierGrid(o *Options) (points []Point) {
	for _, s := range frontierSystems(o.Size) {
		for down := 1; down <= 3; down++ {
			points = append(points, func(seed rundir.Seed, out *Output) error {
				l, err := powerLoss(&s.system, seed, down)
				if err != nil {
					return fmt.Errorf("%s %s, %d down: %w", s.name, s.settings, down, err)
				}
				out.Events += l.events
				out.Add("losses", s.name, s.design, s.policy, s.settings, s.interval, down, seed, l.drained, l.acked, l.lost,
					l.lost*1_000_000/max(l.acked, 1), l.lost*1000/tapeRate)
				return nil
			})
		}
	}
	return points
}
