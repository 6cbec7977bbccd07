package trial

import (
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
	sent    map[string]int64 // when values were published, if there are receivers
	current Sample
	busy    []int64
	work    [][machine.WorkKinds]machine.Work

	shedders []shedder
}

func newMeter(t *Trial) *meter {
	m := &meter{t: *t, m: &Measured{Window: t.Measure, Latency: newHistogram(), Arrival: newHistogram(), Nodes: make([]Node, t.Cluster.Nodes)}}
	for i := range t.Load.Groups {
		if g := &t.Load.Groups[i]; g.Subscribe != nil || g.Work != nil || g.Follow != nil {
			m.sent = map[string]int64{}
		}
	}
	m.busy = make([]int64, t.Cluster.Nodes)
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
			m.sent[op.Value] = now
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
	if at := m.sent[d.Value]; at != 0 {
		m.m.Arrived++
		m.m.Arrival.RecordValue(m.now() - at) //nolint:errcheck // as above
	}
}

// Mark is of no interest.
func (m *meter) Mark(history.Verb, machine.NodeID) {}

func (m *meter) open() int64 { return m.waiting }

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
		busy := w.Busy(id)
		used := busy - m.busy[i]
		if used < 0 {
			used = busy // another life
		}
		m.busy[i] = busy
		live := int64(0)
		for _, u := range w.Footprint(id) {
			live += u.Bytes
		}
		s.Busy, s.Live = append(s.Busy, used), append(s.Live, live)
		if inside {
			m.m.Nodes[i].Busy += used
			m.m.Nodes[i].Peak = max(m.m.Nodes[i].Peak, live)
		}
	}
	if now == m.t.From() || now == m.t.Until() {
		m.count(w)
	}
	if now > m.t.From() {
		m.m.Samples = append(m.m.Samples, s)
	}
}

// count notes the work of the window: what was charged by its end less what was by its beginning.
func (m *meter) count(w *sim.World) {
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
	for _, s := range m.shedders {
		m.m.Shed += s.Shed()
	}
	m.m.Trace, m.m.Events = w.Hash(), w.Stats().Events
	return m.m
}
