package trial

import (
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim"
	"github.com/brokerlab/brokerlab/sim/host"
)

// shedder is a load that gives up arrivals when too much is open.
type shedder interface{ Shed() int64 }

// meter is told of every operation and delivery, by all clients, and measures.
type meter struct {
	t    Trial
	now  func() int64
	m    *Measured
	nops uint64
	// asked is when each operation was, by its number less base; 0: it is none of the window's, or over.
	asked   []int64
	waiting int64
	sent    map[string]sending // by value, if there are receivers
	owed    int64              // deliveries that are still to come
	current Sample
	busy    []int64
	gc      []int64 // the collectors' processor time so far
	alloc   []int64 // bytes allocated so far
	work    [][machine.WorkKinds]machine.Work
	stats   sim.Stats // when the window began

	shedders []shedder
}

// sending is a message that was published at a time, and how many are still to get it.
type sending struct{ at, owed int64 }

func newMeter(t *Trial) *meter {
	m := &meter{t: *t, m: &Measured{From: t.From(), Window: t.Measure, Latency: newHistogram(), Arrival: newHistogram(), Nodes: make([]Node, t.Cluster.Nodes)}}
	for i := range t.Load.Groups {
		if g := &t.Load.Groups[i]; g.Subscribe != nil || g.Work != nil || g.Follow != nil {
			m.sent = map[string]sending{}
		}
	}
	m.busy, m.gc, m.alloc = zeros(t), zeros(t), zeros(t)
	m.current.Busy = make([]int64, t.Cluster.Nodes)
	return m
}

// measured says whether the outcome of a verb is what the trial is about.
func measured(v history.Verb) bool {
	switch v {
	case history.Publish, history.Send, history.Request, history.Read, history.Last, history.NextOf:
		return true
	}
	return false
}

func (m *meter) within(t int64) bool { return t >= m.t.From() && t < m.t.Until() }

// Invoke numbers an operation. It is due now: clients take no time.
func (m *meter) Invoke(op *load.Op) uint64 {
	m.nops++
	now, at := m.now(), int64(0)
	if measured(op.Verb) && m.within(now) {
		at = now
		m.m.Offered++
		m.waiting++
		if m.sent != nil && op.Value != "" {
			m.sent[op.Value] = sending{now, int64(m.t.Receivers)}
			m.owed += int64(m.t.Receivers)
		}
	}
	m.asked = append(m.asked, at)
	return m.nops
}

// seat records for one client of the load: the meter, told who ended an operation.
type seat struct {
	*meter
	client int
}

// Complete takes the end of one.
func (s seat) Complete(id uint64, op *load.Op, out *load.Outcome) {
	s.complete(s.client, id, op, out)
}

// Complete takes the end of what is nobody's of the load: setup's.
func (m *meter) Complete(id uint64, op *load.Op, out *load.Outcome) { m.complete(-1, id, op, out) }

func (m *meter) complete(client int, id uint64, op *load.Op, out *load.Outcome) {
	now, ok := m.now(), out.Status == load.OK
	if measured(op.Verb) {
		if ok {
			m.current.Done++
			if m.within(now) {
				m.m.Done++
			}
		} else {
			m.current.Failed++
		}
	}
	at := m.asked[id-1]
	if at == 0 {
		return
	}
	m.asked[id-1] = 0
	m.waiting--
	switch out.Status {
	case load.OK:
		m.m.OK++
		m.m.Latency.RecordValue(now - at) //nolint:errcheck // an hour is beyond every timeout
		m.current.Max = max(m.current.Max, now-at)
	case load.Failed:
		m.m.Failed++
	default:
		m.m.Unknown++
	}
	if m.t.Keep {
		m.m.Completions = append(m.m.Completions, Completion{client, at, now, ok})
	}
}

// Deliver takes a message that came to a receiver.
func (m *meter) Deliver(d *load.Delivery) {
	now := m.now()
	if m.within(now) {
		m.m.Delivered++
	}
	s, ok := m.sent[d.Value]
	if !ok {
		return
	}
	m.m.Arrived++
	m.m.Arrival.RecordValue(now - s.at) //nolint:errcheck // as above
	if s.owed > 0 {
		s.owed--
		m.owed--
		m.sent[d.Value] = s
	}
}

// Mark is of no interest.
func (m *meter) Mark(history.Verb, machine.NodeID) {}

// open is how many answers and deliveries are still to come.
func (m *meter) open() int64 { return m.waiting + m.owed }

func (m *meter) hooks() sim.Hooks {
	return sim.Hooks{
		Observe: func(t sim.Time, n machine.NodeID, o *machine.Observation) {
			if o.Kind == machine.Leader {
				m.m.Leaders = append(m.m.Leaders, Leadership{t, n, o.Group, o.Stream})
			}
		},
		Collector: func(_ sim.Time, n machine.NodeID, e *host.Event) {
			if e.At >= m.t.From() && e.At < m.t.Until()+m.t.Grace {
				m.m.GC = append(m.m.GC, Collected{n, *e})
			}
		},
	}
}

// sample ends a step of the timeline.
func (m *meter) sample(w *sim.World, now int64) {
	s := m.current
	s.At = now
	m.current = Sample{}
	inside := now > m.t.From() && now <= m.t.Until()
	for i := range m.m.Nodes {
		id := machine.NodeID(i + 1)
		used, collected := since(&m.busy[i], w.Busy(id)), since(&m.gc[i], w.Collected(id))
		allocated := since(&m.alloc[i], w.Allocated(id))
		live, uses := int64(0), w.Footprint(id)
		for _, u := range uses {
			live += u.Bytes
		}
		s.Busy, s.Live = append(s.Busy, used), append(s.Live, live)
		if inside {
			m.m.Nodes[i].Busy += used
			m.m.Nodes[i].Collector += collected
			m.m.Nodes[i].Allocated += allocated
			m.m.Nodes[i].most(uses)
			m.m.Nodes[i].Peak = max(m.m.Nodes[i].Peak, live)
		}
		if now == m.t.Until() {
			m.m.Nodes[i].Live = live
		}
	}
	if now == m.t.From() || now == m.t.Until() {
		m.count(w)
	}
	if now > m.t.From() {
		m.m.Samples = append(m.m.Samples, s)
	}
}

// since moves a count on to now, and returns by how much.
func since(was *int64, now int64) int64 {
	n := now - *was
	*was = now
	return n
}

// most keeps the most of each kind.
func (n *Node) most(uses []machine.Use) {
	for _, u := range uses {
		i := slices.IndexFunc(n.Uses, func(have machine.Use) bool { return have.Kind == u.Kind })
		if i < 0 {
			n.Uses = append(n.Uses, u)
			continue
		}
		have := &n.Uses[i]
		have.Count, have.Bytes = max(have.Count, u.Count), max(have.Bytes, u.Bytes)
	}
}

// count notes the work of the window: what was charged by its end less what was by its beginning.
func (m *meter) count(w *sim.World) {
	m.stats, m.m.World = w.Stats(), w.Stats().Less(m.stats)
	for i := range m.m.Nodes {
		all := w.Work(machine.NodeID(i + 1))
		if len(m.work) <= i {
			m.work = append(m.work, all)
			continue
		}
		for k := range all {
			was := &m.work[i][k]
			m.m.Nodes[i].Work[k] = machine.Work{Count: all[k].Count - was.Count, Bytes: all[k].Bytes - was.Bytes, Allocs: all[k].Allocs - was.Allocs}
		}
	}
}

// finish counts what is still open with the time that it has waited.
func (m *meter) finish(w *sim.World) *Measured {
	for _, at := range m.asked {
		if at != 0 {
			m.m.Open++
			m.m.Latency.RecordValue(w.Now() - at) //nolint:errcheck // as above
		}
	}
	m.m.Missing = m.owed
	for _, s := range m.sent { // map order: a histogram has none
		m.m.Arrival.RecordValues(w.Now()-s.at, s.owed) //nolint:errcheck // as above
	}
	for _, s := range m.shedders {
		m.m.Shed += s.Shed()
	}
	m.m.Trace, m.m.Events = w.Hash(), w.Stats().Events
	return m.m
}

// zeros is a count a node.
func zeros(t *Trial) []int64 { return make([]int64, t.Cluster.Nodes) }
