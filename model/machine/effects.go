package machine

// Effects is what a machine wants done, filled by Step and carried out by the
// driver. Each list keeps its order; between lists the driver's order is Disk,
// Frames, Dirty, Dials, Pauses, Closes, Timers. The driver empties it with Reset before it is
// filled again.
//
// Invariant: bytes handed over here (a disk operation's data, a frame) belong to
// the driver from the end of the step on; the machine changes them no more.
type Effects struct {
	Disk     []DiskOp
	Frames   []Frame
	Dirty    []*ConnBuf
	Dials    []Dial
	Pauses   []Pause
	Closes   []Close
	Resets   []PeerReset
	Timers   []TimerSet
	Observed []Observation
	Work     [WorkKinds]Work

	arena []byte
}

type (
	// Frame is one whole frame for Peer on Link. It may be lost, and is dropped
	// silently if the link is down.
	Frame struct {
		Peer  Addr
		Link  Link
		Bytes []byte
	}
	// Dial asks for a connection to a node's client port; the answer is ConnOpened
	// or ConnClosed with the same Token.
	Dial struct {
		Token Token
		To    NodeID
	}
	// Pause stops (On) or resumes reading from a connection: back-pressure.
	Pause struct {
		Conn ConnID
		On   bool
	}
	// Close ends a connection after what was written to it or, if Abrupt, at once: what waits for it
	// is dropped. No ConnClosed follows.
	Close struct {
		Conn   ConnID
		Abrupt bool
	}
	// PeerReset breaks a link on purpose; PeerDown and, later, PeerUp follow.
	PeerReset struct {
		Peer Addr
		Link Link
	}
	// TimerSet sets Timer to fire at At, replacing its former time; Cancel removes it.
	TimerSet struct {
		Timer  TimerKey
		At     Mono
		Cancel bool
	}
)

// DiskKind says what a disk operation does.
type DiskKind uint8

const (
	// Append writes Data at the end of File, creating it if need be.
	Append DiskKind = iota + 1
	// WriteAt writes Data at Off, creating and extending File if need be.
	WriteAt
	// Sync makes everything issued on File before it durable (not its name).
	Sync
	// Rename gives File the name To, replacing what was there.
	Rename
	// Remove deletes File; removing what is not there succeeds.
	Remove
	// Truncate cuts or extends File to Off bytes.
	Truncate
	// SyncDir makes the names in directory File durable.
	SyncDir
	// Read returns Len bytes from Off.
	Read
)

// String is the kind's name in traces.
func (k DiskKind) String() string {
	return [...]string{"?", "append", "write", "sync", "rename", "remove", "truncate", "syncdir", "read"}[k]
}

// DiskOp is one disk operation. Operations on one file complete in the order in
// which they were issued; a Rename counts for both names.
type DiskOp struct {
	Kind DiskKind
	// Token is echoed by DiskDone. With Token 0 success is not reported; a failure
	// arrives with Token 0, and a machine can only answer it by giving up.
	Token Token
	File  string
	To    string
	Data  []byte
	Off   int64
	Len   int64
	// AndSync follows an Append or WriteAt by a Sync of the file, reported as one.
	AndSync bool
}

// Write appends parts to a connection's output.
func (fx *Effects) Write(c *ConnBuf, parts ...[]byte) {
	for _, p := range parts {
		c.B = append(c.B, p...)
	}
	fx.Touch(c)
}

// Touch marks a connection whose buffer the machine has appended to directly.
func (fx *Effects) Touch(c *ConnBuf) {
	if !c.Dirty {
		c.Dirty = true
		fx.Dirty = append(fx.Dirty, c)
	}
}

// Send hands over one frame.
func (fx *Effects) Send(peer Addr, link Link, frame []byte) {
	fx.Frames = append(fx.Frames, Frame{Peer: peer, Link: link, Bytes: frame})
}

// SetTimer sets key to fire at at.
func (fx *Effects) SetTimer(key TimerKey, at Mono) {
	fx.Timers = append(fx.Timers, TimerSet{Timer: key, At: at})
}

// CancelTimer removes key, if set.
func (fx *Effects) CancelTimer(key TimerKey) {
	fx.Timers = append(fx.Timers, TimerSet{Timer: key, Cancel: true})
}

// Do issues a disk operation.
func (fx *Effects) Do(op DiskOp) { fx.Disk = append(fx.Disk, op) }

// Observe reports what only an observer inside could know.
func (fx *Effects) Observe(o Observation) { fx.Observed = append(fx.Observed, o) }

// Charge accounts for work done, for cost and collector models.
func (fx *Effects) Charge(kind WorkKind, count, bytes, allocs int64) {
	w := &fx.Work[kind]
	w.Count += count
	w.Bytes += bytes
	w.Allocs += allocs
}

const arenaChunk = 64 << 10

// Alloc returns n fresh zeroed bytes, cut from a larger block so that small frames and
// records cost no allocation each. They live as long as anything refers to the block.
func (fx *Effects) Alloc(n int) []byte {
	if n > arenaChunk/4 {
		return make([]byte, n)
	}
	if len(fx.arena) < n {
		fx.arena = make([]byte, arenaChunk)
	}
	p := fx.arena[:n:n]
	fx.arena = fx.arena[n:]
	return p
}

// Reset empties the lists and keeps their room. Buffers still dirty are the
// driver's to take first.
func (fx *Effects) Reset() {
	clear(fx.Disk)
	clear(fx.Frames)
	fx.Disk, fx.Frames, fx.Dirty = fx.Disk[:0], fx.Frames[:0], fx.Dirty[:0]
	fx.Dials, fx.Pauses, fx.Closes, fx.Resets = fx.Dials[:0], fx.Pauses[:0], fx.Closes[:0], fx.Resets[:0]
	fx.Timers, fx.Observed = fx.Timers[:0], fx.Observed[:0]
	fx.Work = [WorkKinds]Work{}
}
