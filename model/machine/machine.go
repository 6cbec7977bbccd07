package machine

import (
	"errors"
	"fmt"
)

type (
	// NodeID names a process of the world, broker or client. 0 is never a node.
	NodeID uint32
	// Shard numbers the machines of one node. One shard a node today.
	Shard uint16
	// ConnID names one connection of one node for the node's whole life; a driver
	// never reuses it within a boot. 0 is never a connection.
	ConnID uint64
	// Token names a disk operation of one boot. 0 is never a token.
	Token uint64
	// Mono is nanoseconds on a clock that never jumps and serves timers only. It
	// restarts from an unspecified value with the process.
	Mono int64
	// Wall is nanoseconds since the Unix epoch on a clock that may jump, drift and
	// run backwards. It is for stamps; nothing is decided by it alone.
	Wall int64
	// Purpose names what a draw is for, so that no two draws share an identity.
	Purpose uint32
)

// Addr is a machine's address: shard s of node n.
type Addr struct {
	Node  NodeID
	Shard Shard
}

// Link is one of the two bounded connections between each pair of nodes.
type Link uint8

const (
	// RaftLink carries Raft frames. It may drop, and in the simulator's hostile
	// datagram mode duplicate and reorder, whole frames.
	RaftLink Link = iota
	// RouteLink carries interest and messages: an ordered session, broken as a
	// whole (PeerDown, then PeerUp) when anything on it is lost.
	RouteLink
	// Links is the number of links.
	Links
)

// String is the link's name in traces.
func (l Link) String() string { return [...]string{"raft", "route"}[l] }

// TimerKey names a timer of a machine; setting a key again moves it. One key may
// stand for a whole heap of deadlines, so a million ack waits need one wake-up.
type TimerKey struct {
	Kind uint32
	ID   uint64
}

// Choices draws this node's random numbers. A draw is a function of the run's
// seed, the node, its boot, purpose and id alone: the same arguments give the same
// number, and no draw moves another. Callers number their own draws by id.
type Choices interface {
	Draw(purpose Purpose, id uint64) uint64
}

// Env is all a machine may know about the moment it is stepped.
type Env struct {
	Mono    Mono
	Wall    Wall
	Choices Choices
}

// Machine is one broker, or one client program.
type Machine interface {
	// Step handles one input. Its result depends on the machine's state, env and in
	// alone. It panics only when an invariant of the machine is broken.
	Step(env *Env, in *Input, fx *Effects)
	// Footprint appends the live bytes by kind, in a fixed order.
	Footprint(dst []Use) []Use
}

// Boot builds a machine from what survived on its disk, without changing it:
// repairs are effects, carried out before any input is handed in. It returns an
// error when the node must not start (an operator has to look); the driver reports it
// and leaves the node down.
type Boot func(env *Env, image Image, fx *Effects) (Machine, error)

// Image is a read-only view of a node's files at boot. It may return faults, and
// a simulator charges time for it.
type Image interface {
	// List returns the names under a directory ("" is the root), sorted, without
	// the directory itself; names are slash-separated paths from the root.
	List(dir string) ([]string, error)
	// Size returns a file's length in bytes, or ErrNotExist.
	Size(name string) (int64, error)
	// ReadAt fills p from offset off. It returns fewer bytes than len(p) only with
	// an error: io.EOF at the end of the file, ErrDiskIO for a sector that cannot be
	// read, ErrNotExist for a file that is not there.
	ReadAt(name string, p []byte, off int64) (int, error)
}

// Errors of disks and connections, the same in every world.
var (
	ErrNotExist   = errors.New("file does not exist")
	ErrDiskIO     = errors.New("disk input/output error")
	ErrDiskFull   = errors.New("no space left on disk")
	ErrSyncFailed = errors.New("sync failed: the state of unsynced bytes is unknown")
	ErrReset      = errors.New("connection reset")
	ErrRefused    = errors.New("connection refused")
)

// Use is a number of live bytes of one kind, and how many things they are.
type Use struct {
	Kind  string
	Count int64
	Bytes int64
}

// GaveUp is what a machine panics with when it must not go on for a reason that is not its own: a disk
// that failed. A driver ends the process, as for any panic, but no invariant was broken.
type GaveUp struct{ Why string }

func (g GaveUp) Error() string { return "gave up: " + g.Why }

// GiveUp ends the process of a machine whose surroundings failed it.
func GiveUp(format string, args ...any) { panic(GaveUp{fmt.Sprintf(format, args...)}) }

// Broken panics with the numbers of a broken invariant.
func Broken(format string, args ...any) { panic("invariant broken: " + fmt.Sprintf(format, args...)) }
