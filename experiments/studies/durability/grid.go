package durability

import (
	"fmt"
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
)

const ms = int64(time.Millisecond)

// Intervals, in milliseconds: 0 is "before it is acknowledged", never is only when the kernel writes back by itself (35 s).
const (
	before = int64(0)
	never  = int64(-1)
)

// setting is one line of the frontier at one interval.
type setting struct {
	systems.System
	settings string
	interval int64
}

// intervals between syncs that are compared, in milliseconds; nats-server's default is the last.
var intervals = []int64{100, 1000, 10_000, 30_000, 120_000}

func settings(size study.Size) (out []setting) {
	intervals := intervals
	if size == study.Small {
		intervals = []int64{1000, 10_000, 120_000}
	}
	add := func(s systems.System, settings string, interval int64) {
		out = append(out, setting{s, settings, interval})
	}
	add(systems.Reference, "as it is", before)
	add(systems.NATSAlways, "sync=group", before)
	add(systems.Redpanda, "acks=all", before)
	for _, ms := range intervals {
		lax := systems.Reference.With("reference, sync=interval").Every(ms, "sync=interval")
		lax.Policy = systems.Replicated
		add(lax, "sync=interval", ms)
		add(systems.NATSDefault.With("NATS").Every(ms, "sync=interval"), "sync=interval", ms)
	}
	for _, elr := range []string{"on", "off"} {
		for _, acks := range []string{"all", "1", "0"} {
			if size == study.Small && elr == "off" && acks != "all" {
				continue
			}
			k := systems.KafkaAll.With("Kafka acks="+acks+", ELR "+elr, "acks="+acks, "elr="+elr)
			if acks == "all" {
				k.Policy = systems.Replicated
			} else {
				k.Policy = systems.Memory
			}
			add(k, fmt.Sprintf("acks=%s elr=%s flush=none", acks, elr), never)
			f := k.With(k.Name, "flush=each")
			switch acks {
			case "all":
				f.Policy = systems.Synced
			case "1":
				f.Policy = systems.OneSynced
			}
			add(f, fmt.Sprintf("acks=%s elr=%s flush=each", acks, elr), before)
		}
	}
	for _, ms := range intervals {
		add(systems.KafkaAll.With("Kafka acks=all, ELR on").Every(ms, "flush=interval"), "acks=all elr=on flush=interval", ms)
	}
	return out
}

func grid(o *study.Options) (points []study.Point) {
	for _, s := range settings(o.Size) {
		for down := 1; down <= 3; down++ {
			points = append(points, func(seed rundir.Seed, out *study.Output) error {
				l, err := systems.PowerLoss(&s.System, seed, down)
				if err != nil {
					return fmt.Errorf("%s %s, %d down: %w", s.Name, s.settings, down, err)
				}
				out.Events += l.Events
				out.Add("losses", s.Name, s.Design, s.Policy, s.settings, s.interval, down, seed, l.Drained, l.Acked, l.Lost,
					l.Lost*1_000_000/max(l.Acked, 1), l.Lost*1000/systems.TapeRate)
				return nil
			})
		}
	}
	return points
}
