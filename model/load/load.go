package load

import (
	"github.com/brokerlab/brokerlab/model/consumer"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/stream"
)

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

	// ID is the deduplication id of a publish; a retry has the ID and the Value of what it retries.
	ID string
	// ExpectSubject is as Expect, for the newest message of the publish's own subject.
	ExpectSubject uint64
	// Rollup of a publish: "" or "sub" or "all".
	Rollup string
	// Direct lets any replica answer a read.
	Direct bool
	// Keep of a purge: how many of the newest stay.
	Keep uint64
	// Config of a stream to create or update; nil: Subject and Replicas say all.
	Config *stream.Config

	// Tag names a subscription to the load's own mind, over reconnections: the adapter subscribes again
	// by itself until the load unsubscribes, or until a Leave or Die. Deliveries carry it.
	Tag   uint64
	Queue string

	// Consumer concerned; ConsumerConfig of one to create.
	Consumer       string
	ConsumerConfig *consumer.Config
	// Batch and Expires (nanoseconds) of a fetch; NoWait, MaxBytes and Heartbeat (nanoseconds) as in the API.
	Batch     int
	Expires   int64
	NoWait    bool
	MaxBytes  int
	Heartbeat int64
	// Of an ack, nak, term, progress or answer: the delivery that it is about.
	Delivery *Delivery
	// Confirm asks for a confirmation of an ack; Delay is a nak's, in nanoseconds.
	Confirm bool
	Delay   int64

	// Node is where a Join dials first; 0: the adapter chooses.
	Node uint32
	// Sub and Lost are the adapter's, of an unsubscribe: the recorder's number of the subscription that it ends,
	// and that nobody asked for it, the connection being gone.
	Sub  uint64
	Lost bool
}

// Verbs by which a load has its client come, go and stop listening. A history knows them not as operations but by
// their effects: marks, and subscriptions that end. They are done at once, but for a Leave.
const (
	Leave  history.Verb = "leave"  // end the subscriptions, then the connection: a program that is stopped in good order
	Die    history.Verb = "die"    // the program is killed: its connection breaks, and nothing of it is left
	Join   history.Verb = "join"   // the program starts again after a Leave or Die, and dials Node first
	Stall  history.Verb = "stall"  // stop reading what the server sends
	Resume history.Verb = "resume" // read on
)

// Delivery is a message that came to a client by a subscription (Tag) or from a consumer.
type Delivery struct {
	Tag      uint64
	Sub      uint64 // the recorder's number of the subscription
	Fetch    uint64 // the recorder's number of the fetch, if it came by one
	Subject  string
	Reply    string // where an answer or ack goes
	Value    string
	Stream   string
	Consumer string
	Seq      uint64
	CSeq     uint64
	Count    uint64 // of deliveries of this message, from 1
	Pending  uint64 // messages still to come
	Stamp    int64
}

// Receiver is a Load that takes deliveries, which are its own from then on. An adapter asks Next again after each.
type Receiver interface {
	Load
	Deliver(now int64, d *Delivery)
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
	// Err says why; of a fetch that is over, its last status, if there was one.
	Err   string
	Code  int // error code of the API, if it answered with one
	Stamp int64
	// N of a fetch is how many messages came, of a purge how many went, of a consumer-info how many are pending;
	// First of a consumer-info how many are delivered and not settled; CSeq its ack floor in the consumer's own count.
	N     int64
	First uint64
	CSeq  uint64
}

// Load is one client's wishes. Times are nanoseconds since the run began.
type Load interface {
	// Next returns an operation that is due at now (ok), or else when to ask again. A
	// wake of 0 means that nothing more is wanted unless an outcome changes that.
	Next(now int64) (op Op, ok bool, wake int64)
	// Done tells the load how an operation that Next returned has ended. One that asks for no answer (an ack without
	// Confirm) is Unknown as soon as it is sent.
	Done(now int64, op Op, out Outcome)
}
