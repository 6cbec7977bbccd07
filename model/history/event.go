package history

// Kind says what an Event is.
type Kind string

const (
	Invoke  Kind = "invoke"  // a client started Op
	OK      Kind = "ok"      // Op took effect, with the results given
	Fail    Kind = "fail"    // Op certainly took no effect
	Info    Kind = "info"    // nobody knows whether Op took effect, or ever will
	Deliver Kind = "deliver" // Client received a message: by subscription Sub (Verb core), or from Consumer (Verb consume)
	Obs     Kind = "event"   // a node was seen to do Verb (a machine.ObsKind name, or a mark of the run)
	Fault   Kind = "fault"   // a fault began (On) or ended
)

// Verb is what an operation does, or what was observed.
type Verb string

// Verbs of operations.
const (
	Create  Verb = "create"  // create Stream
	Delete  Verb = "delete"  // delete Stream
	Publish Verb = "publish" // publish Value to Subject; ok carries Seq (and Dup)
	Read    Verb = "read"    // read message Seq of Stream from its leader; ok carries Value, or NotFound
	Last    Verb = "last"    // read the newest message (of Subject, if set); ok carries Seq and Value, or NotFound
	NextOf  Verb = "next-of" // read the first message of Subject at or above Seq; ok carries Seq and Value, or NotFound
	Remove  Verb = "remove"  // remove message Seq of Stream
	Purge   Verb = "purge"   // remove the messages of Stream (of Subject, if set) below Seq (0: all), but the newest N; ok carries N, how many went
	Update  Verb = "update"  // change Stream's configuration
)

// Verbs of core messaging: nothing is stored, and at most once is what is promised.
const (
	Send        Verb = "send"        // publish Value to Subject without acknowledgement; ok: the server had read it (a PONG came back)
	Subscribe   Verb = "subscribe"   // Op's number names the subscription (Sub); ok: the server had read it
	Unsubscribe Verb = "unsubscribe" // end Sub; with Why ConnLost nobody asked: the connection was found to be gone
	Flush       Verb = "flush"       // PING; ok: its PONG came, so everything the server wrote before it has arrived
	Request     Verb = "request"     // ask Subject; ok carries the answer's Value; a fail with Why NoResponders: nobody was there to ask
	Answer      Verb = "answer"      // answer the request whose message was Value (a Send to its reply subject)
	Core        Verb = "core"        // of a Deliver: by subscription Sub
)

// Verbs of consumers.
const (
	CreateConsumer Verb = "create-consumer" // on Stream
	DeleteConsumer Verb = "delete-consumer"
	Fetch          Verb = "fetch"         // ask Consumer for N messages; deliveries name its Op; ok when it is over: N came, Why is its status
	Consume        Verb = "consume"       // of a Deliver: message Seq of Stream as the N-th delivery of it, CSeq in the consumer's own count
	Ack            Verb = "ack"           // settle the delivery {Seq, CSeq, N}; ok only if it was confirmed, no completion if no confirmation was asked for
	Nak            Verb = "nak"           // ask for redelivery, after Delay nanoseconds (carried in First)
	Term           Verb = "term"          // never deliver again
	Progress       Verb = "progress"      // restart the ack wait
	ConsumerInfo   Verb = "consumer-info" // ok carries Seq and CSeq (the ack floor), N (pending: not yet delivered), First (delivered and not settled)
)

// NoResponders is the Why of a Request that was refused because nobody listened.
const NoResponders = "no responders"

// ConnLost is the Why of an Unsubscribe that nobody asked for.
const ConnLost = "connection lost"

// Marks of clients, recorded with Kind Obs: Client is connected to Node from here on, or has found the connection gone.
const (
	Connected    Verb = "connected"
	Disconnected Verb = "disconnected"
)

// NoEcho is the Why of a Connected whose client asked not to be sent what it publishes itself.
const NoEcho = "no echo"

// Marks of the run itself and of its nodes, recorded with Kind Obs.
const (
	// Healed: the last fault is over and everything is up; progress is owed from here on.
	Healed Verb = "healed"
	// Drained: final reads are complete; every surviving message has been read, and replicas
	// have been given the time to become equal.
	Drained Verb = "drained"
	// Harmed: Node's disk lost or changed what had been synced on it (Why; after DownWipe and a colon: all of it).
	// From then on the node is right if it says that it is damaged.
	Harmed Verb = "harmed"
	// Up and Down: Node's process began, or ended (Why is one of the causes above).
	Up   Verb = "up"
	Down Verb = "down"
)

// WrongLast is the Why of a Fail that refused a conditional publish because the stream's last
// sequence was another. It makes the refusal say something about the log; a Fail for any other
// reason says only that there was no effect.
const WrongLast = "wrong-last"

// Causes of a Down, in its Why; a panic is followed by ": " and its message, a failed boot too.
const (
	DownCrash      = "crash"       // the process was killed; the page cache survives
	DownPower      = "power"       // power failed: what was not synced may be gone
	DownPanic      = "panic"       // the machine broke an invariant of its own
	DownBootFailed = "boot failed" // the machine refused to start
	DownWipe       = "wipe"        // its disk was replaced by an empty one: a new member
)

// Event is one line of a history. Fields that a kind does not use are zero and not written.
type Event struct {
	Index  uint64 `json:"i"`
	Time   int64  `json:"t"` // virtual (or real) nanoseconds since the run began
	Kind   Kind   `json:"k"`
	Verb   Verb   `json:"f"`
	Op     uint64 `json:"op,omitempty"`     // operation number, unique in the run, from 1
	Client string `json:"c,omitempty"`      // who asked
	Node   uint32 `json:"n,omitempty"`      // node that was observed, or that answered
	Stream string `json:"stream,omitempty"` // stream concerned
	// Subject is what was published to, or filtered by.
	Subject string `json:"subject,omitempty"`
	// Value identifies a message's content; a load never publishes one twice.
	Value string `json:"v,omitempty"`
	Seq   uint64 `json:"seq,omitempty"`
	First uint64 `json:"first,omitempty"`
	// NotFound: a read was answered, and the answer was that there is no such message.
	NotFound bool `json:"none,omitempty"`
	Dup      bool `json:"dup,omitempty"`
	// Expect is the expected last sequence of a conditional publish, plus one (0: unconditional).
	Expect uint64 `json:"expect,omitempty"`
	// Actual is the last sequence that the refusal of a conditional publish named, plus one
	// (0: it named none).
	Actual uint64 `json:"actual,omitempty"`
	Final  bool   `json:"final,omitempty"` // part of the final drain, after heal
	Err    string `json:"err,omitempty"`
	Group  uint64 `json:"g,omitempty"`
	// Member is the Raft id under which Node was observed in Group, if that is not its own number: a node that lost
	// what it had promised takes part as another member.
	Member uint64 `json:"rid,omitempty"`
	Term   uint64 `json:"term,omitempty"`
	Idx    uint64 `json:"idx,omitempty"` // Raft index
	Hash   uint64 `json:"h,omitempty"`
	N      int64  `json:"num,omitempty"`
	Peer   uint32 `json:"peer,omitempty"`
	// Sub is the number of the Subscribe that a core delivery came by, or that an Unsubscribe ends.
	Sub      uint64 `json:"sub,omitempty"`
	Queue    string `json:"q,omitempty"`    // queue group of a Subscribe
	Consumer string `json:"con,omitempty"`  // consumer concerned, of Stream
	CSeq     uint64 `json:"cseq,omitempty"` // the consumer's own count of deliveries
	ID       string `json:"id,omitempty"`   // deduplication id of a publish
	// SubjectExpect is as Expect, for the newest message of the publish's own subject.
	SubjectExpect uint64 `json:"expects,omitempty"`
	Code          int    `json:"code,omitempty"`   // error code of the API that a Fail or Info carried
	Stamp         int64  `json:"ts,omitempty"`     // time that the broker gave a message, nanoseconds since the Unix epoch
	Direct        bool   `json:"direct,omitempty"` // a read that any replica may answer
	On            bool   `json:"on,omitempty"`     // Fault: begins (true) or ends
	Why           string `json:"why,omitempty"`    // Fault: the plan's line; Obs: the reason
}

// Schema names the file form; it changes when a reader of the old form would misread the new.
const Schema = "brokerlab.history/1"

// Header is the first line of a history file.
type Header struct {
	Schema string `json:"schema"`
	Name   string `json:"name,omitempty"` // experiment
	Seed   uint64 `json:"seed"`
	Nodes  int    `json:"nodes,omitempty"`
	// System is whose claims the history is judged by (model/spec); Settings are the
	// switches that the claims depend on.
	System   string            `json:"system,omitempty"`
	Settings map[string]string `json:"settings,omitempty"`
	// Streams in play with what a judge must know of them.
	Streams []Stream `json:"streams,omitempty"`
}

// Stream is what a judge must know of a stream.
type Stream struct {
	Name     string   `json:"name"`
	Replicas int      `json:"replicas"`
	Subjects []string `json:"subjects,omitempty"`
	// Retention is "limits" ("" too), "interest" or "workqueue"; Discard is "old" ("" too) or "new".
	Retention string `json:"retention,omitempty"`
	Discard   string `json:"discard,omitempty"`
	// DiscardNewPer has a full subject refuse what comes, too.
	DiscardNewPer bool `json:"discard_new_per_subject,omitempty"`
	// Limits; 0 is none. MaxAge and Duplicates (the deduplication window) are nanoseconds.
	MaxMsgs    int64  `json:"max_msgs,omitempty"`
	MaxBytes   int64  `json:"max_bytes,omitempty"`
	MaxAge     int64  `json:"max_age,omitempty"`
	MaxMsgSize int64  `json:"max_msg_size,omitempty"`
	MaxMsgsPer int64  `json:"max_msgs_per_subject,omitempty"`
	Duplicates int64  `json:"duplicate_window,omitempty"`
	FirstSeq   uint64 `json:"first_seq,omitempty"` // number of its first message; 0 is 1
	// Consumers that the run made, with what a judge must know of them.
	Consumers []Consumer `json:"consumers,omitempty"`
}

// Consumer is what a judge must know of a consumer. Times are nanoseconds; 0 is the API's default or none.
type Consumer struct {
	Name       string   `json:"name"`
	Filters    []string `json:"filters,omitempty"` // none: every subject
	Deliver    string   `json:"deliver,omitempty"` // deliver policy; "" is "all"
	StartSeq   uint64   `json:"start_seq,omitempty"`
	Ack        string   `json:"ack,omitempty"` // "explicit" ("" too), "all", "none" or AckCommit
	AckWait    int64    `json:"ack_wait,omitempty"`
	MaxDeliver int64    `json:"max_deliver,omitempty"`
	MaxPending int64    `json:"max_ack_pending,omitempty"`
	BackOff    []int64  `json:"backoff,omitempty"`
	Push       bool     `json:"push,omitempty"`
	Ephemeral  bool     `json:"ephemeral,omitempty"`
}

// AckCommit is the ack policy of a log that knows no single acks: the consumer's one client at a time commits how far it has acked
// everything, and what it has not is delivered again to the next. An ack is confirmed when an offset above it is committed.
// Deliveries are not counted: their N is 0.
const AckCommit = "commit"

// History is a whole history in memory.
type History struct {
	Header Header
	Events []Event
}
