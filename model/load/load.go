package load

import "github.com/brokerlab/brokerlab/model/history"

// Op is one thing a client wants done.
type Op struct {
	Verb    history.Verb
	Stream  string
	Subject string
	// Value identifies the message; an adapter makes it the first word of the payload, padded
	// with spaces to Size bytes.
	Value string
	Size  int
	Seq   uint64
	// Expect is the expected last sequence of a conditional publish, plus one (0: unconditional).
	Expect uint64
	// Replicas of a stream to create.
	Replicas int
	// Timeout in nanoseconds after which the outcome is unknown; 0 is the adapter's default.
	Timeout int64
	// Final marks a read of the final drain.
	Final bool
}

// Status is how an operation ended.
type Status uint8

const (
	OK      Status = iota + 1
	Failed         // certainly no effect
	Unknown        // nobody knows
)

// Outcome is what a client was told.
type Outcome struct {
	Status   Status
	Seq      uint64
	Value    string
	Subject  string
	NotFound bool
	Dup      bool
	// WrongLast says that a conditional publish failed because the stream's last sequence was
	// another; Actual is the one that the refusal named, plus one (0: it named none).
	WrongLast bool
	Actual    uint64
	Err       string
}

// Load is one client's wishes. Times are nanoseconds since the run began.
type Load interface {
	// Next returns an operation that is due at now (ok), or else when to ask again. A
	// wake of 0 means that nothing more is wanted unless an outcome changes that.
	Next(now int64) (op Op, ok bool, wake int64)
	// Done tells the load how an operation that Next returned has ended.
	Done(now int64, op Op, out Outcome)
}
