package load

import "github.com/brokerlab/brokerlab/model/history"

// Serve is a service: it answers every request with the request's value, "@" and its own name.
type Serve struct {
	Subject string `json:"subject"`
	Queue   string `json:"queue,omitempty"` // group of instances that share the requests; none: every instance answers
	// WorkMS is how long an answer takes on average; 0: it comes at once.
	WorkMS int `json:"work_ms,omitempty"`
	Bytes  int `json:"bytes,omitempty"` // of an answer; 0 means 64
	// MaxOpen bounds the requests that one instance works on; more are dropped. 0 means 1024.
	MaxOpen int `json:"max_open,omitempty"`
	// FlushEveryMS as of a Subscribe.
	FlushEveryMS int `json:"flush_every_ms,omitempty"`
}

// server is one client of a Serve.
type server struct {
	name    string
	sub     [1]tagged
	flush   flushes
	work    timed[*Delivery]
	took    Key
	mean    int64
	bytes   int
	maxOpen int
	timeout int64

	open    int
	resting bool
}

func newServer(name string, g *Group, key Key) *server {
	c := g.Serve
	return &server{
		name: name, flush: newFlushes(c.FlushEveryMS, g), took: key.Sub("work"), mean: int64(c.WorkMS) * millisecond,
		bytes: orElse(c.Bytes, 64), maxOpen: orElse(c.MaxOpen, 1024), timeout: g.Timeout,
		sub: [1]tagged{{op: Op{Verb: history.Subscribe, Tag: 1, Subject: c.Subject, Queue: c.Queue, Timeout: g.Timeout}}},
	}
}

// Next returns the answer that is ready.
func (s *server) Next(now int64) (Op, bool, int64) {
	if op, ok := s.sub[0].next(now, !s.resting); ok {
		s.open++
		return op, true, 0
	}
	if d, ok := s.work.due(now); ok {
		s.open++
		return Op{Verb: history.Answer, Delivery: d, Value: d.Value + "@" + s.name, Size: s.bytes, Timeout: s.timeout}, true, 0
	}
	if s.resting {
		return Op{}, false, s.work.next()
	}
	if op, ok := s.flush.next(now); ok {
		s.open++
		return op, true, 0
	}
	return Op{}, false, sooner(sooner(s.work.next(), s.flush.at), s.sub[0].wake(true))
}

// Deliver takes a request in.
func (s *server) Deliver(now int64, d *Delivery) {
	if d.Reply == "" || s.work.size() >= s.maxOpen {
		return // nobody asks, or too many do
	}
	s.work.add(now+s.took.Sub(d.Value).Exponential(0, s.mean), d)
}

// Done takes the end of a subscription's beginning or end.
func (s *server) Done(now int64, op Op, out Outcome) {
	s.open--
	if op.Tag > 0 {
		s.sub[0].done(now, &op, &out)
	}
	s.flush.done(now, &op)
}

func (s *server) rest() { s.resting = true }

func (s *server) busy() bool { return s.open > 0 || s.work.size() > 0 || listens(s.sub[:]) }

func (s *server) restart(now int64) {
	s.open, s.resting = 0, false
	s.work.clear()
	s.sub[0].state, s.sub[0].at = unsubscribed, 0
	s.flush.restart(now)
}
