package load

// retryEvery is how long Setup and Drain wait before they ask again, in nanoseconds.
const retryEvery = int64(200_000_000)

// Setup creates streams and their consumers one after the other and asks again until each exists. Creating one
// that exists with the same configuration succeeds, so that retrying an unknown outcome is safe.
type Setup struct {
	todo  []Op
	busy  bool
	again int64
}

// NewSetup is a load that creates streams, each followed by its consumers.
func NewSetup(streams []StreamSpec) *Setup {
	s := &Setup{}
	for i := range streams {
		st := &streams[i]
		s.todo = append(s.todo, st.create())
		for j := range st.Consumers {
			s.todo = append(s.todo, st.Consumers[j].create(st.Name))
		}
	}
	return s
}

// Next asks for the first that is not known to exist.
func (s *Setup) Next(now int64) (Op, bool, int64) {
	switch {
	case len(s.todo) == 0 || s.busy:
		return Op{}, false, 0
	case now < s.again:
		return Op{}, false, s.again
	}
	s.busy = true
	return s.todo[0], true, 0
}

// Done goes on to the next, or sets the time of the next attempt.
func (s *Setup) Done(now int64, _ Op, out Outcome) {
	s.busy = false
	if out.Status == OK {
		s.todo = s.todo[1:]
		return
	}
	s.again = now + retryEvery
}

// Ready says whether everything is known to exist.
func (s *Setup) Ready() bool { return len(s.todo) == 0 }
