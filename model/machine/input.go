package machine

// InputKind says what happened, and which fields of an Input are set.
type InputKind uint8

const (
	// TimerFired: Timer is due (and no longer set).
	TimerFired InputKind = iota + 1
	// ConnOpened: Conn is open, Out is its output buffer, Remote its other end.
	// Token is that of the Dial which asked for it, or 0 for an accepted one.
	ConnOpened
	// ConnBytes: Bytes arrived on Conn: one read of the driver, cut anywhere.
	ConnBytes
	// ConnClosed: Conn is gone (Err says why; nil after an orderly end). A Dial that
	// failed is reported so too, with Conn 0 and its Token.
	ConnClosed
	// ConnDrained: N bytes of Conn's output still wait in the driver, and Sent bytes have left
	// it since the connection opened. BacklogNews says when; the last report is of N 0.
	ConnDrained
	// PeerUp: Link to Peer carries frames from now on. Both directions were reset.
	PeerUp
	// PeerDown: Link to Peer is broken; frames sent on it and not yet delivered are
	// lost.
	PeerDown
	// PeerFrame: Bytes is one whole frame from Peer on Link.
	PeerFrame
	// PeerDrained: N bytes of frames for Peer on Link still wait in the driver, and Sent bytes have
	// left it since PeerUp; when, as for ConnDrained.
	PeerDrained
	// DiskDone: the operation Token is finished. Err nil: all of it. Err set: N is the
	// length of the prefix known to be good. Bytes is what a read returned.
	DiskDone
	// Stopping: the driver wants to end the process in an orderly way soon.
	Stopping
)

// String is the kind's name in traces.
func (k InputKind) String() string {
	return [...]string{"?", "timer", "open", "bytes", "closed", "drained", "peer-up", "peer-down", "frame", "peer-drained", "disk", "stopping"}[k]
}

// Input is something that happened. Only the fields that Kind names are set.
//
// Invariant: Bytes belongs to the driver and is valid only during the step; a machine
// that keeps any of it copies it.
type Input struct {
	Kind   InputKind
	Link   Link
	Peer   Addr
	Conn   ConnID
	Token  Token
	Timer  TimerKey
	N      int64
	Sent   int64
	Bytes  []byte
	Err    error
	Out    *ConnBuf
	Remote string
}

// ConnBuf is a connection's output, owned by the driver and filled by the machine
// through Effects.Write. The machine holds the pointer from ConnOpened until the
// connection is closed.
type ConnBuf struct {
	ID ConnID
	// B is what the machine appended and the driver has not yet taken. The driver
	// takes it whole, after the step or the batch of steps.
	B []byte
	// Dirty says that the buffer is on the list Effects.Dirty.
	Dirty bool
}
