package studies

import (
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/trial"
)

var throughput = Study{
	Name:     "throughput-latency",
	Question: "What does a durable publish cost in time, as the rate grows, and what does its acknowledgement say?",
	Vary:     "rate, payload, streams, batching, by design and sync policy",
	Small:    1, Full: 5,
	Tables: []Table{
		{"points", []string{
			"axis", "system", "design", "policy", "payload_bytes", "streams", "clients", "batching", "offered_per_s", "seed",
			"achieved_per_s", "ok", "open", "failed", "shed", "p50_ns", "p99_ns", "p99.9_ns", "max_ns", "busiest_node_busy_permille", "events",
		}},
	},
	Grid:     throughputGrid,
	Conclude: func(t *Tables) (*Conclusion, error) { return &Conclusion{}, nil },
}

func throughputGrid(o *Options) (points []Point) {
	for _, s := range []system{reference, natsDefault, natsAlways, kafkaAll, kafkaFlush, kafkaOne, redpanda} {
		for _, rate := range []int{1000, 10000, 50000, 100000} {
			points = append(points, func(seed rundir.Seed, out *Output) error {
				return ratePoint("rate", s, o, seed, 128, 1, 16, "", rate, out)
			})
		}
	}
	return points
}

// ratePoint measures one system at one rate.
func ratePoint(axis string, s system, o *Options, seed rundir.Seed, bytes, streams, clients int, batching string, rate int, out *Output) error {
	t := s.trial(seed, o, streams)
	t.Load = publishers(clients, rate, bytes)
	t.Warm, t.Measure = 200*ms, 500*ms
	m, err := trial.Run(t)
	if err != nil {
		return err
	}
	busiest := int64(0)
	for i := range m.Nodes {
		busiest = max(busiest, m.Nodes[i].Busy)
	}
	out.Events += m.Events
	out.Add("points", axis, s.name, s.design, s.policy, bytes, streams, clients, batching, rate, seed,
		m.Rate(m.Done), m.OK, m.Open, m.Failed+m.Unknown, m.Shed,
		trial.Quantile(m.Latency, 500_000), trial.Quantile(m.Latency, 990_000), trial.Quantile(m.Latency, 999_000), m.Latency.Max(),
		busiest*1000/m.Window, m.Events)
	return nil
}

const ms = int64(1_000_000)
