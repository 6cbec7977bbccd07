package load

import "github.com/brokerlab/brokerlab/model/history"

// retryEvery is how long Setup and Drain wait before they ask again, in nanoseconds.
const retryEvery = int64(200_000_000)

// Setup creates streams one after the other and asks again until each exists. Creating a stream
// that exists with the same configuration succeeds, so that retrying an unknown outcome is safe.
type Setup struct {
	todo  []StreamSpec
	busy  bool
	again int64
}

// StreamSpec is a stream to be created: its subjects are those below its name.
type StreamSpec struct {
	Name     string `json:"name"`
	Replicas int    `json:"replicas"`
}

// NewSetup is a load that creates streams.
func NewSetup(streams []StreamSpec) *Setup { return &Setup{todo: streams} }

// Next asks for the first stream that is not known to exist.
func (s *Setup) Next(now int64) (Op, bool, int64) {
	switch {
	case len(s.todo) == 0 || s.busy:
		return Op{}, false, 0
	case now < s.again:
		return Op{}, false, s.again
	}
	s.busy = true
	return s.todo[0].create(), true, 0
}

// create asks for the stream.
func (s StreamSpec) create() Op {
	return Op{Verb: history.Create, Stream: s.Name, Subject: s.Name + ".>", Replicas: s.Replicas}
}

// Done goes on to the next stream, or sets the time of the next attempt.
func (s *Setup) Done(now int64, _ Op, out Outcome) {
	s.busy = false
	if out.Status == OK {
		s.todo = s.todo[1:]
		return
	}
	s.again = now + retryEvery
}

// Ready says whether every stream is known to exist.
func (s *Setup) Ready() bool { return len(s.todo) == 0 }
