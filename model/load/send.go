package load

import (
	"strconv"

	"github.com/brokerlab/brokerlab/model/history"
)

// Send is a client that publishes without asking for an acknowledgement, at a rate.
type Send struct {
	// PerSecond is the mean rate of the whole group, to Subjects, each as likely as another.
	PerSecond int      `json:"per_second"`
	Subjects  []string `json:"subjects"`
	Bytes     int      `json:"bytes,omitempty"` // of a payload; 0 means 64
	// MaxOpen bounds what one client has sent and not heard confirmed; arrivals beyond it are given up. 0 means 1024.
	MaxOpen int `json:"max_open,omitempty"`
}

// Request is a client that asks, at a rate.
type Request struct {
	// PerSecond is the mean rate of the whole group.
	PerSecond int    `json:"per_second"`
	Subject   string `json:"subject"`
	Bytes     int    `json:"bytes,omitempty"`      // 0 means 64
	TimeoutMS int    `json:"timeout_ms,omitempty"` // 0 means 1000
	MaxOpen   int    `json:"max_open,omitempty"`   // unanswered requests of one client; 0 means 1024
}

// sender is one client of a Send or a Request. Values are name-1, name-2 and so on.
type sender struct {
	name     string
	verb     history.Verb
	subjects []string
	bytes    int
	maxOpen  int
	until    int64
	timeout  int64
	pick     Key
	due      arrivals

	open    int
	resting bool
}

func newSender(name string, g *Group, key Key) *sender {
	s := &sender{name: name, until: g.Until, pick: key.Sub("subject"), maxOpen: 1024, timeout: g.Timeout}
	rate := 0
	if g.Send != nil {
		s.verb, rate, s.subjects, s.bytes = history.Send, g.Send.PerSecond, g.Send.Subjects, g.Send.Bytes
		s.maxOpen = orElse(g.Send.MaxOpen, s.maxOpen)
	} else {
		r := g.Request
		s.verb, rate, s.subjects, s.bytes = history.Request, r.PerSecond, []string{r.Subject}, r.Bytes
		s.maxOpen, s.timeout = orElse(r.MaxOpen, s.maxOpen), int64(orElse(r.TimeoutMS, 1000))*millisecond
	}
	s.bytes = orElse(s.bytes, 64)
	s.due = newArrivals(key.Sub("gap"), gap(rate, g.Count), g.From)
	return s
}

// Next returns what is due.
func (s *sender) Next(now int64) (Op, bool, int64) {
	for !s.resting && s.due.due(now, s.until) {
		n := s.due.n
		s.due.step()
		if s.open >= s.maxOpen {
			continue
		}
		s.open++
		return Op{
			Verb: s.verb, Subject: s.subjects[s.pick.Below(n, uint64(len(s.subjects)))],
			Value: s.name + "-" + strconv.FormatUint(n, 10), Size: s.bytes, Timeout: s.timeout,
		}, true, 0
	}
	if s.resting {
		return Op{}, false, 0
	}
	return Op{}, false, s.due.next(s.until)
}

// Done counts.
func (s *sender) Done(int64, Op, Outcome) { s.open-- }

func (s *sender) rest() { s.resting = true }

func (s *sender) busy() bool { return s.open > 0 }

func (s *sender) restart(now int64) {
	s.open, s.resting = 0, false
	s.due.skip(now)
}

func orElse(v, otherwise int) int {
	if v == 0 {
		return otherwise
	}
	return v
}
