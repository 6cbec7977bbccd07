package metrics

import (
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
)

const second = int64(1_000_000_000)

// Sample is one second of a run. Rates count completions in the second; latencies are those of
// the operations invoked in it, so that a stall shows when it began to hurt.
type Sample struct {
	Second                                   int64
	Offered, Acked, Failed, Unknown          int64 // publishes
	ReadOK, ReadFailed, ReadUnknown          int64
	PublishP50US, PublishP99US, PublishMaxUS int64
	ReadP50US, ReadP99US, ReadMaxUS          int64
	Elections                                int64
	FaultsActive                             int64
	publish, read                            []int64
}

// Span is a fault from its beginning to its end, or to the end of the run.
type Span struct {
	From, To int64 // nanoseconds
	// Kind is the fault's first word, What the plan's line.
	Kind, What string
}

// Election is a node that became leader.
type Election struct {
	Time  int64
	Node  uint32
	Group uint64
	Term  uint64
}

// Run is a measured history.
type Run struct {
	End       int64 // nanoseconds: the last call, answer or fault, the final drain apart
	Healed    int64 // when the world healed; 0 if it never did
	Samples   []Sample
	Spans     []Span
	Elections []Election
}

// Measure reads a history once. Reads of the final drain are no part of the rates.
func Measure(h *history.History) *Run {
	m := measurer{open: map[uint64]*history.Event{}, spans: map[uint64]int{}}
	for i := range h.Events {
		m.event(&h.Events[i])
	}
	m.finish()
	return &m.run
}

type measurer struct {
	run   Run
	open  map[uint64]*history.Event
	spans map[uint64]int // open span by fault number
}

func (m *measurer) at(t int64) *Sample {
	s := t / second
	for int64(len(m.run.Samples)) <= s {
		m.run.Samples = append(m.run.Samples, Sample{Second: int64(len(m.run.Samples))})
	}
	return &m.run.Samples[s]
}

func (m *measurer) event(e *history.Event) {
	switch e.Kind {
	case history.Invoke:
		if !e.Final {
			m.run.End = max(m.run.End, e.Time)
			m.open[e.Op] = e
			if e.Verb == history.Publish {
				m.at(e.Time).Offered++
			}
		}
	case history.OK, history.Fail, history.Info:
		if inv := m.open[e.Op]; inv != nil {
			m.run.End = max(m.run.End, e.Time)
			delete(m.open, e.Op)
			m.completion(inv, e)
		}
	case history.Fault:
		m.run.End = max(m.run.End, e.Time)
		if e.Verb != "heal" { // the end of faults is none
			m.fault(e)
		}
	case history.Obs:
		switch e.Verb {
		case "leader":
			m.at(e.Time).Elections++
			m.run.Elections = append(m.run.Elections, Election{Time: e.Time, Node: e.Node, Group: e.Group, Term: e.Term})
		case history.Healed:
			m.run.Healed = e.Time
		}
	}
}

func (m *measurer) completion(inv, e *history.Event) {
	s := m.at(e.Time)
	ok, failed, unknown := &s.Acked, &s.Failed, &s.Unknown
	switch inv.Verb {
	case history.Publish:
	case history.Read, history.Last:
		ok, failed, unknown = &s.ReadOK, &s.ReadFailed, &s.ReadUnknown
	default:
		return
	}
	switch e.Kind {
	case history.OK:
		*ok++
	case history.Fail:
		*failed++
		return
	default:
		*unknown++
		return
	}
	began := m.at(inv.Time)
	if inv.Verb == history.Publish {
		began.publish = append(began.publish, e.Time-inv.Time)
	} else {
		began.read = append(began.read, e.Time-inv.Time)
	}
}

func (m *measurer) fault(e *history.Event) {
	if e.On {
		m.spans[e.Op] = len(m.run.Spans)
		m.run.Spans = append(m.run.Spans, Span{From: e.Time, To: -1, Kind: string(e.Verb), What: e.Why})
		return
	}
	if i, ok := m.spans[e.Op]; ok {
		m.run.Spans[i].To = e.Time
		delete(m.spans, e.Op)
	}
}

func (m *measurer) finish() {
	for i := range m.run.Spans {
		s := &m.run.Spans[i]
		if s.To < 0 {
			s.To = m.run.End
		}
		for sec := s.From / second; sec <= s.To/second && sec < int64(len(m.run.Samples)); sec++ {
			m.run.Samples[sec].FaultsActive++
		}
	}
	for i := range m.run.Samples {
		s := &m.run.Samples[i]
		s.PublishP50US, s.PublishP99US, s.PublishMaxUS = quantiles(s.publish)
		s.ReadP50US, s.ReadP99US, s.ReadMaxUS = quantiles(s.read)
		s.publish, s.read = nil, nil
	}
}

// quantiles returns the median, the 99th percentile (nearest rank) and the maximum of
// nanoseconds, in microseconds; zeros for none.
func quantiles(ns []int64) (p50, p99, most int64) {
	n := len(ns)
	if n == 0 {
		return 0, 0, 0
	}
	slices.Sort(ns)
	rank := func(percent int) int64 { return ns[(n*percent+99)/100-1] / 1000 }
	return rank(50), rank(99), ns[n-1] / 1000
}
