package load

import (
	"strconv"

	"github.com/brokerlab/brokerlab/model/consumer"
	"github.com/brokerlab/brokerlab/model/history"
)

// Follow is a client that reads a stream from its beginning to its end and on, in order and without a gap: by a
// consumer of its own without acks, that it makes anew from where it stands when a delivery is missing or the
// consumer is gone (the ordered consumer of ADR-17).
type Follow struct {
	Stream string `json:"stream"`
	Filter string `json:"filter,omitempty"` // none: every subject
	Batch  int    `json:"batch,omitempty"`  // of a fetch; 0 means 50
	// ExpiresMS is how long a fetch may wait; 0 means 1000.
	ExpiresMS int `json:"expires_ms,omitempty"`
}

// follower is one client of a Follow.
type follower struct {
	name string
	f    Follow
	g    *Group

	made    int    // consumers so far
	exists  bool   // the newest is there
	last    uint64 // sequence of the newest message taken
	cseq    uint64 // of the newest delivery of the newest consumer
	asking  bool
	asked   int64
	again   int64
	resting bool
}

func newFollower(name string, g *Group) *follower { return &follower{name: name, f: *g.Follow, g: g} }

// consumer is the name of the newest.
func (f *follower) consumer() string { return f.name + "-" + strconv.Itoa(f.made) }

// Next makes a consumer or asks it for more.
func (f *follower) Next(now int64) (Op, bool, int64) {
	switch {
	case now < f.g.From:
		return Op{}, false, f.g.From
	case f.asking || f.resting:
		return Op{}, false, 0
	case now < f.again:
		return Op{}, false, f.again
	}
	f.asking, f.asked = true, now
	if !f.exists {
		return f.create(), true, 0
	}
	expires := int64(orElse(f.f.ExpiresMS, 1000)) * millisecond
	return Op{
		Verb: history.Fetch, Stream: f.f.Stream, Consumer: f.consumer(), Batch: orElse(f.f.Batch, 50),
		Expires: expires, Timeout: expires + f.g.Timeout,
	}, true, 0
}

func (f *follower) create() Op {
	f.made++
	f.cseq = 0
	c := &consumer.Config{
		Name: f.consumer(), DeliverPolicy: "all", AckPolicy: "none", ReplayPolicy: "instant", FilterSubject: f.f.Filter,
		Replicas: 1, MemoryStorage: true, InactiveThreshold: 5000 * millisecond,
	}
	if f.last > 0 {
		c.DeliverPolicy, c.OptStartSeq = "by_start_sequence", f.last+1
	}
	return Op{Verb: history.CreateConsumer, Stream: f.f.Stream, Consumer: c.Name, ConsumerConfig: c, Timeout: f.g.Timeout}
}

// Deliver takes the next message; after one that is missing all come again.
func (f *follower) Deliver(_ int64, d *Delivery) {
	switch {
	case d.Consumer != f.consumer() || !f.exists:
	case d.CSeq == f.cseq+1:
		f.cseq, f.last = d.CSeq, d.Seq
	default:
		f.exists = false
	}
}

// Done takes the end of a fetch or a creation. A consumer that is gone lets a fetch fail.
func (f *follower) Done(now int64, op Op, out Outcome) {
	f.asking = false
	switch {
	case op.Verb == history.CreateConsumer:
		f.exists = out.Status == OK
	case out.Status != OK || out.N == 0 && len(out.Err) > 3 && out.Err[:3] == "409":
		f.exists = false
	}
	if out.N == 0 && now-f.asked < retryEvery && !(op.Verb == history.CreateConsumer && f.exists) {
		f.again = now + retryEvery
	}
}

func (f *follower) rest() { f.resting = true }

func (f *follower) busy() bool { return f.asking }

// restart begins at the beginning, under a name that the lives before have not used.
func (f *follower) restart(int64) {
	f.exists, f.asking, f.resting, f.last, f.again = false, false, false, 0, 0
}
