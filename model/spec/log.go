package spec

import "fmt"

// LogVerb is an operation on a log.
type LogVerb uint8

const (
	// LogPublish appends Value, if Expect is 0 or the log's last sequence plus one.
	LogPublish LogVerb = iota + 1
	// LogRead returns the value at Seq, or NotFound.
	LogRead
	// LogLast returns the newest sequence and value (of Subject, if set), or NotFound.
	LogLast
	// LogNext returns the first sequence at or above Seq, and its value (of Subject, if set), or NotFound.
	LogNext
)

// LogStatus is what a client was told of an operation.
type LogStatus uint8

const (
	// LogOK: it took effect, with the results given.
	LogOK LogStatus = iota + 1
	// LogRefused: a conditional publish found another last sequence than it expected.
	LogRefused
	// LogUnknown: nobody knows. Whoever searches lets such an operation return after
	// everything else; taking effect there is the same as never taking effect.
	LogUnknown
)

// LogInput is what was asked.
type LogInput struct {
	Verb    LogVerb
	Subject string
	Value   string
	Seq     uint64
	Expect  uint64 // expected last sequence plus one; 0: unconditional
	// SubjectExpect is as Expect, for the newest message of Subject. ID, if set, makes a publish a duplicate of an
	// earlier one with it.
	SubjectExpect uint64
	ID            string
}

// LogOutput is what was answered.
type LogOutput struct {
	Status   LogStatus
	Seq      uint64
	Value    string
	NotFound bool
	// Actual is the last sequence that a refusal named, plus one; 0: it named none.
	Actual uint64
	// Dup: it was acknowledged as a duplicate. Silent: it was refused for what was under way, which says nothing of the log.
	Dup, Silent bool
}

// LogState is a log: its newest entry, linked to those before. The nil pointer is the empty
// log. States are immutable and share their tails.
type LogState struct {
	Seq     uint64
	Subject string
	Value   string
	ID      string
	hash    uint64
	prev    *LogState
}

// LogStep is the sequential specification: whether a log in state s may answer in with out,
// and the state after. Messages are numbered from 1 without a gap and never removed; ids are never forgotten.
func LogStep(s *LogState, in LogInput, out LogOutput) (bool, *LogState) {
	switch in.Verb {
	case LogPublish:
		return s.publish(in, out)
	case LogRead:
		if out.Status != LogOK {
			return true, s
		}
		e := s.at(in.Seq)
		if out.NotFound || e == nil {
			return out.NotFound && e == nil, s
		}
		return e.Value == out.Value, s
	case LogLast:
		if out.Status != LogOK {
			return true, s
		}
		e := s.newest(in.Subject)
		if out.NotFound || e == nil {
			return out.NotFound && e == nil, s
		}
		return e.Seq == out.Seq && e.Value == out.Value, s
	case LogNext:
		if out.Status != LogOK {
			return true, s
		}
		e := s.next(in.Subject, in.Seq)
		if out.NotFound || e == nil {
			return out.NotFound && e == nil, s
		}
		return e.Seq == out.Seq && e.Value == out.Value, s
	}
	return false, s
}

func (s *LogState) publish(in LogInput, out LogOutput) (bool, *LogState) {
	fits := s.fits(in)
	first := s.withID(in.ID)
	switch {
	case out.Status == LogOK && (out.Dup || first != nil):
		return out.Dup && first != nil && out.Seq == first.Seq, s
	case out.Status == LogOK:
		return fits && out.Seq == s.Last()+1, s.push(in)
	case out.Status == LogRefused:
		return s.refuses(in, out), s
	case first != nil || !fits:
		return true, s
	}
	return true, s.push(in)
}

// fits tells whether the conditions of in are met.
func (s *LogState) fits(in LogInput) bool {
	return (in.Expect == 0 || in.Expect-1 == s.Last()) && (in.SubjectExpect == 0 || in.SubjectExpect-1 == s.newest(in.Subject).Last())
}

// refuses tells whether the refusal out of in may be given. One of a publish with two conditions, one that names no
// number for a subject, and one for what is under way say nothing.
func (s *LogState) refuses(in LogInput, out LogOutput) bool {
	switch {
	case out.Silent || in.Expect > 0 && in.SubjectExpect > 0 || in.SubjectExpect > 0 && out.Actual == 0:
		return true
	case in.SubjectExpect > 0:
		return !s.fits(in) && out.Actual-1 == s.newest(in.Subject).Last()
	}
	return !s.fits(in) && (out.Actual == 0 || out.Actual-1 == s.Last())
}

func (s *LogState) withID(id string) *LogState {
	for ; id != "" && s != nil; s = s.prev {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// Last is the newest sequence, 0 for the empty log.
func (s *LogState) Last() uint64 {
	if s == nil {
		return 0
	}
	return s.Seq
}

func (s *LogState) push(in LogInput) *LogState {
	h := LogHash(s)
	for _, part := range [...]string{in.Subject, "\xff", in.Value} {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * 1099511628211
		}
	}
	return &LogState{Seq: s.Last() + 1, Subject: in.Subject, Value: in.Value, ID: in.ID, hash: h, prev: s}
}

func (s *LogState) at(seq uint64) *LogState {
	for ; s != nil && s.Seq >= seq; s = s.prev {
		if s.Seq == seq {
			return s
		}
	}
	return nil
}

func (s *LogState) newest(subject string) *LogState {
	for ; s != nil; s = s.prev {
		if subject == "" || s.Subject == subject {
			return s
		}
	}
	return nil
}

func (s *LogState) next(subject string, from uint64) (found *LogState) {
	for ; s != nil && s.Seq >= from; s = s.prev {
		if subject == "" || s.Subject == subject {
			found = s
		}
	}
	return found
}

// LogEqual tells whether two logs hold the same messages.
func LogEqual(a, b *LogState) bool {
	for a != b {
		if a == nil || b == nil || a.hash != b.hash || a.Seq != b.Seq || a.Value != b.Value || a.Subject != b.Subject {
			return false
		}
		a, b = a.prev, b.prev
	}
	return true
}

// LogHash hashes a log; equal logs have equal hashes.
func LogHash(s *LogState) uint64 {
	if s == nil {
		return 14695981039346656037
	}
	return s.hash
}

// Describe renders an operation and its answer for a picture.
func Describe(in LogInput, out LogOutput) string {
	switch in.Verb {
	case LogPublish:
		what := "publish " + in.Value
		if in.Expect > 0 {
			what += fmt.Sprintf(" if last=%d", in.Expect-1)
		}
		if in.SubjectExpect > 0 {
			what += fmt.Sprintf(" if last of %s=%d", in.Subject, in.SubjectExpect-1)
		}
		switch {
		case out.Status == LogOK && out.Dup:
			return fmt.Sprintf("%s: duplicate of %d", what, out.Seq)
		case out.Status == LogOK:
			return fmt.Sprintf("%s: stored at %d", what, out.Seq)
		case out.Status == LogRefused && out.Actual > 0:
			return fmt.Sprintf("%s: refused, last=%d", what, out.Actual-1)
		case out.Status == LogRefused:
			return what + ": refused"
		}
		return what + ": unknown"
	case LogRead:
		return fmt.Sprintf("read %d: %s", in.Seq, answer(out, out.Value))
	}
	what := "last"
	if in.Verb == LogNext {
		what = fmt.Sprintf("next from %d", in.Seq)
	}
	if in.Subject != "" {
		what += " of " + in.Subject
	}
	return what + ": " + answer(out, fmt.Sprintf("%d=%s", out.Seq, out.Value))
}

func answer(out LogOutput, found string) string {
	switch {
	case out.Status != LogOK:
		return "unknown"
	case out.NotFound:
		return "not found"
	}
	return found
}

// DescribeState renders a log for a picture: its newest four messages.
func DescribeState(s *LogState) string {
	if s == nil {
		return "empty"
	}
	text := fmt.Sprintf("%d=%s", s.Seq, s.Value)
	e := s.prev
	for n := 1; e != nil && n < 4; n++ {
		text = fmt.Sprintf("%d=%s ", e.Seq, e.Value) + text
		e = e.prev
	}
	if e != nil {
		text = "... " + text
	}
	return text
}
