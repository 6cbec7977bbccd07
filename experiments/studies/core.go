package studies

import (
	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/host"
)

var core = Study{
	Name:     "core",
	Question: "What does at-most-once messaging buy in time, and what does it lose, beside streams on the same hardware?",
	Vary:     "rate, subscribers, payload, requesters; level of faults",
	Small:    1, Full: 5,
	Tables: []Table{
		{"rates", []string{
			"way", "offered_per_s", "seed", "achieved_per_s", "messages", "missing", "p50_ns", "p90_ns", "p99_ns", "p99.9_ns", "max_ns",
			"busy_ns_per_message", "busiest_node_busy_permille", "events",
		}},
		{"fanout", []string{"payload_bytes", "subscribers", "mode", "seed", "messages", "deliveries", "busy_ns", "busy_permille", "events"}},
		{"requests", []string{"clients", "seed", "answered", "window_ns", "p50_ns", "p99_ns", "p99.9_ns", "busy_ns", "events"}},
		{"losses", []string{"experiment", "level", "seed", "of", "all", "outcome", "count"}},
		{"verdicts", []string{"experiment", "level", "seed", "verdict", "violated", "events"}},
	},
	Grid:     coreGrid,
	Conclude: coreConclude,
}

// way is how a message gets from who publishes it to whom the time is taken.
type way struct {
	name  string
	style figures.Style
	// Of core: subscribers, and the node that they are on; publishers are on the first.
	subscribers, node int
	// Of a stream: the system, and by what its messages are received; "" is the publisher's acknowledgement.
	stream *system
	by     string
}

// How a stream's messages are received.
const (
	byWorker   = "worker"   // a durable consumer with explicit acks
	byFollower = "follower" // an ordered consumer without acks, in its leader's memory
)

// ways that are compared.
func ways() []way {
	s := func(design, policy string, dashed bool) figures.Style {
		st := figures.StyleOf(design, policy)
		st.Dashed = dashed
		return st
	}
	return []way{
		{name: "core, same node", style: s("core", memory, false), subscribers: 1, node: 1},
		{name: "core, other node", style: figures.Style{Color: figures.Sky, Mark: figures.Cross}, subscribers: 1, node: 2},
		{name: "core, 4 on same node", style: figures.Style{Color: figures.Grey, Mark: figures.Diamond, Dashed: true}, subscribers: 4, node: 1},
		{name: "core, 4 on other node", style: figures.Style{Color: figures.Sky, Mark: figures.Diamond, Dashed: true}, subscribers: 4, node: 2},
		{name: "reference, ack", style: s("reference", synced, false), stream: &reference},
		{name: "reference, to ordered consumer", style: figures.Style{Color: figures.Blue, Mark: figures.Square, Dashed: true}, stream: &reference, by: byFollower},
		{name: "reference, to acking consumer", style: figures.Style{Color: figures.Blue, Mark: figures.Diamond, Dashed: true}, stream: &reference, by: byWorker},
		{name: "NATS (2 min), ack", style: s("nats", replicated, false), stream: &natsDefault},
		{name: "NATS (2 min), to ordered consumer", style: figures.Style{Color: figures.Orange, Mark: figures.Square, Dashed: true}, stream: &natsDefault, by: byFollower},
		{name: "Kafka acks=all, ack", style: s("kafka", replicated, false), stream: &kafkaAll},
		{name: "Redpanda acks=all, ack", style: s("redpanda", synced, false), stream: &redpanda},
	}
}

// niceRate is the rate of the plot of percentiles.
const niceRate = 10_000

func coreGrid(o *Options) (points []Point) {
	rates, measure := []int{1000, niceRate, 100_000}, 300*ms
	fan, sizes := []int{0, 1, 4, 16, 64}, []int{16, 128, 1024, 16384}
	if o.Size == Full {
		rates, measure = []int{1000, 3000, niceRate, 30_000, 100_000, 200_000, 400_000}, 1000*ms
	}
	for _, w := range ways() {
		for _, rate := range rates {
			points = append(points, func(seed rundir.Seed, out *Output) error { return w.point(o, seed, rate, measure, out) })
		}
	}
	for _, bytes := range sizes {
		for _, n := range fan {
			for _, mode := range []string{blast, light} {
				points = append(points, func(seed rundir.Seed, out *Output) error { return fanoutPoint(seed, bytes, n, mode, out) })
			}
		}
	}
	for _, clients := range []int{1, 16, 64} {
		points = append(points, func(seed rundir.Seed, out *Output) error { return requestPoint(seed, clients, out) })
	}
	return append(points, lossPoints(o)...)
}

// clientsOfCore publish together: as many as publish to streams.
const clientsOfCore = 16

// point measures one way at one rate: from when a message was due until it is acknowledged, or delivered.
func (w *way) point(o *Options, seed rundir.Seed, rate int, measure int64, out *Output) error {
	var t trial.Trial
	if w.stream == nil {
		t = trial.Trial{Seed: seed, Profile: "reference", Hardware: o.Hardware, Cluster: rundir.Cluster{Nodes: 3}, Receivers: w.subscribers}
		t.Load = coreLoad(rate, 128, w.subscribers, w.node)
	} else {
		t = w.stream.trial(seed, o, 1)
		t.Load = publishers(clientsOfCore, rate, 128)
		w.receive(&t)
	}
	t.Warm, t.Measure = 200*ms, measure
	if rate > 100_000 {
		t.Measure = measure / 2
	}
	m, err := trial.Run(t)
	if err != nil {
		return err
	}
	h, done, missing := m.Latency, m.Done, m.Open
	if t.Receivers > 0 {
		h, done, missing = m.Arrival, m.Delivered/int64(t.Receivers), m.Missing
	}
	busy, busiest := int64(0), int64(0)
	for i := range m.Nodes {
		busy += m.Nodes[i].Busy
		busiest = max(busiest, m.Nodes[i].Busy)
	}
	out.Events += m.Events
	out.Add("rates", w.name, rate, seed, m.Rate(done), m.Offered, missing,
		trial.Quantile(h, 500_000), trial.Quantile(h, 900_000), trial.Quantile(h, 990_000), trial.Quantile(h, 999_000), h.Max(),
		busy/max(m.Offered, 1), busiest*1000/m.Window, m.Events)
	return nil
}

// receive adds who receives a stream's messages.
func (w *way) receive(t *trial.Trial) {
	name := t.Cluster.Streams[0].Name
	switch w.by {
	case "":
		return
	case byWorker:
		t.Cluster.Streams[0].Consumers = []load.ConsumerSpec{{Name: "C", MaxPending: 1 << 16}}
		t.Load.Groups = append(t.Load.Groups, load.Group{Name: "w", Count: 1, Work: &load.Work{Stream: name, Consumer: "C", Batch: 1000, MaxOpen: 1 << 16}})
	case byFollower:
		t.Load.Groups = append(t.Load.Groups, load.Group{Name: "f", Count: 1, Follow: &load.Follow{Stream: name, Batch: 1000}})
	}
	t.Receivers = 1
}

// coreLoad publishes on one subject from node 1, without asking for acknowledgements, to subscribers on a node.
// More than a million a second are several groups of two clients each.
func coreLoad(rate, bytes, subscribers, node int) (s load.Spec) {
	groups, clients := 1+(rate-1)/1_000_000, clientsOfCore
	if groups > 1 {
		clients = 2
	}
	for i := range groups {
		send := &load.Send{PerSecond: rate / groups, Bytes: bytes, Subjects: []string{"tick"}, MaxOpen: 1 << 20}
		s.Groups = append(s.Groups, load.Group{Name: "p" + string([]byte{byte('a' + i/26), byte('a' + i%26)}), Count: clients, Nodes: []int{1}, Send: send})
	}
	if subscribers > 0 {
		s.Groups = append(s.Groups, load.Group{Name: "s", Count: subscribers, Nodes: []int{node}, Subscribe: &load.Subscribe{Filters: []string{"tick"}}})
	}
	return s
}

// Modes of the measurement of fan-out: so much that the broker never sleeps, and so little that it does after each message.
const (
	blast = "blast"
	light = "light"
)

// fanoutPoint measures what a message costs one broker of the two-core machine, on which nats-server's own costs were measured.
func fanoutPoint(seed rundir.Seed, bytes, subscribers int, mode string, out *Output) error {
	// Half as much again as what the broker can do, by its measured costs, and enough messages for a mean.
	cost := 60 + bytes/3 + subscribers*(15+bytes/3)
	rate := 1_500_000_000 / cost
	if mode == light {
		rate = 1000
	}
	// Without a collector: in so few milliseconds there is none of its cycles, or a stop as long as all of them.
	t := trial.Trial{Seed: seed, Profile: "reference", Hardware: "two-core", Cluster: rundir.Cluster{Nodes: 1}, Ready: 2000 * ms, Collector: &host.CollectorConfig{Kind: host.NoCollector}}
	t.Load = coreLoad(rate, bytes, subscribers, 1)
	t.Warm, t.Measure, t.Grace = 5*ms, max(5*ms, 500*int64(cost)), ms
	if mode == light {
		t.Warm, t.Measure = 100*ms, 200*ms
	}
	m, err := trial.Run(t)
	if err != nil {
		return err
	}
	n := &m.Nodes[0]
	out.Events += m.Events
	out.Add("fanout", bytes, subscribers, mode, seed, n.Work[machine.WorkRoute].Count, n.Work[machine.WorkDeliver].Count, n.Busy, n.Busy*1000/m.Window, m.Events)
	return nil
}

// requestPoint has clients ask one service one request after another: at once after an answer, as far as a loop that is asked
// every 20 us on average can be closed.
func requestPoint(seed rundir.Seed, clients int, out *Output) error {
	t := trial.Trial{Seed: seed, Profile: "reference", Hardware: "two-core", Cluster: rundir.Cluster{Nodes: 1}, Ready: 2000 * ms, Warm: 20 * ms, Measure: 100 * ms}
	t.Load = load.Spec{Groups: []load.Group{
		{Name: "svc", Count: 1, Serve: &load.Serve{Subject: "svc", Bytes: 128}},
		{Name: "ask", Count: clients, Request: &load.Request{PerSecond: 50_000 * min(clients, 20), Subject: "svc", Bytes: 128, MaxOpen: 1}},
	}}
	m, err := trial.Run(t)
	if err != nil {
		return err
	}
	h := m.Latency
	out.Events += m.Events
	out.Add("requests", clients, seed, m.OK, m.Window, trial.Quantile(h, 500_000), trial.Quantile(h, 990_000), trial.Quantile(h, 999_000), m.Nodes[0].Busy, m.Events)
	return nil
}
