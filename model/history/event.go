package history

// Kind says what an Event is.
type Kind string

const (
	Invoke Kind = "invoke" // a client started Op
	OK     Kind = "ok"     // Op took effect, with the results given
	Fail   Kind = "fail"   // Op certainly took no effect
	Info   Kind = "info"   // nobody knows whether Op took effect, or ever will
	Obs    Kind = "event"  // a node was seen to do Verb (a machine.ObsKind name, or a mark of the run)
	Fault  Kind = "fault"  // a fault began (On) or ended
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
)

// Marks of the run itself and of its nodes, recorded with Kind Obs.
const (
	// Healed: the last fault is over and everything is up; progress is owed from here on.
	Healed Verb = "healed"
	// Drained: final reads are complete; every surviving message has been read, and replicas
	// have been given the time to become equal.
	Drained Verb = "drained"
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
	Term   uint64 `json:"term,omitempty"`
	Idx    uint64 `json:"idx,omitempty"` // Raft index
	Hash   uint64 `json:"h,omitempty"`
	N      int64  `json:"num,omitempty"`
	Peer   uint32 `json:"peer,omitempty"`
	On     bool   `json:"on,omitempty"`  // Fault: begins (true) or ends
	Why    string `json:"why,omitempty"` // Fault: the plan's line; Obs: the reason
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
	Name     string `json:"name"`
	Replicas int    `json:"replicas"`
}

// History is a whole history in memory.
type History struct {
	Header Header
	Events []Event
}
