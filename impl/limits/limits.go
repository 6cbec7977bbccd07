package limits

import (
	"errors"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Store is what a stream holds, as far as limits look at it (impl/store).
type Store interface {
	State() (first, last, count, bytes uint64)
	TimeOf(seq uint64) (int64, bool)
	SizeOf(seq uint64) (int, bool)
	FirstOf(subject string) (seq uint64, ok bool)
	CountOf(subject string) uint64
}

// Limits of a stream; what is not above 0 is none.
type Limits struct {
	Msgs, Bytes, PerSubject int64
	Age                     int64 // nanoseconds
	// RefuseNew refuses what there is no room for, instead of removing the oldest, but for a subject's own
	// limit, which makes room unless RefuseNewPer refuses there too.
	RefuseNew, RefuseNewPer bool
}

// What a message is refused for (nats-server server/store.go).
var (
	ErrMaxMsgs       = errors.New("maximum messages exceeded")
	ErrMaxBytes      = errors.New("maximum bytes exceeded")
	ErrMaxPerSubject = errors.New("maximum messages per subject exceeded")
)

// Refusal says why a message of size bytes may not come in, or nil. A rollup removes what is older than itself,
// so its subject has room for it (filestore.go storeRawMsg).
func (l Limits) Refusal(s Store, subject string, size int, rollup bool) error {
	if !l.RefuseNew {
		return nil
	}
	_, _, count, bytes := s.State()
	full := l.PerSubject > 0 && s.CountOf(subject) >= uint64(l.PerSubject)
	if full && l.RefuseNewPer && !rollup {
		return ErrMaxPerSubject
	}
	if l.Msgs > 0 && count >= uint64(l.Msgs) && !full {
		return ErrMaxMsgs
	}
	if l.Bytes > 0 && bytes+uint64(size) > uint64(l.Bytes) {
		oldest := 0
		if first, ok := s.FirstOf(subject); ok && full {
			oldest, _ = s.SizeOf(first)
		}
		if oldest < size || !full {
			return ErrMaxBytes
		}
	}
	return nil
}

// Unlimited says whether a stream may hold as many messages as come.
func (l Limits) Unlimited() bool { return l.Msgs <= 0 && l.Bytes <= 0 && l.PerSubject <= 0 }

// Subject calls remove with the oldest messages of subject until it has no more than it may.
func (l Limits) Subject(s Store, subject string, remove func(seq uint64, rule string)) {
	if l.PerSubject <= 0 {
		return
	}
	for s.CountOf(subject) > uint64(l.PerSubject) {
		seq, ok := s.FirstOf(subject)
		if !ok {
			return
		}
		remove(seq, machine.RuleMaxMsgsPer)
	}
}

// Total calls remove with the oldest messages of the stream until there are no more than there may be. With RefuseNew
// none is too many: none came in.
func (l Limits) Total(s Store, remove func(seq uint64, rule string)) {
	if l.RefuseNew {
		return
	}
	for {
		first, _, count, bytes := s.State()
		switch {
		case count == 0:
			return
		case l.Msgs > 0 && count > uint64(l.Msgs):
			remove(first, machine.RuleMaxMsgs)
		case l.Bytes > 0 && bytes > uint64(l.Bytes):
			remove(first, machine.RuleMaxBytes)
		default:
			return
		}
	}
}

// Expire calls remove with the messages whose age at now has reached the limit. Stamps do not decrease, so they are
// the oldest.
func (l Limits) Expire(s Store, now int64, remove func(seq uint64, rule string)) {
	for {
		due, ok := l.Due(s)
		if !ok || due > now {
			return
		}
		first, _, _, _ := s.State()
		remove(first, machine.RuleMaxAge)
	}
}

// Due is when the oldest message has to go; ok is false if none ever has to.
func (l Limits) Due(s Store) (at int64, ok bool) {
	first, _, count, _ := s.State()
	if l.Age <= 0 || count == 0 {
		return 0, false
	}
	stamp, ok := s.TimeOf(first)
	return stamp + l.Age, ok
}
