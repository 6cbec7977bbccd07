package load

// Moves has the clients of a group stop and start again, on another node if the group names several.
type Moves struct {
	// EveryMS is how long a client stays up on average, DownMS how long it stays away (0 means 100).
	EveryMS int `json:"every_ms"`
	DownMS  int `json:"down_ms,omitempty"`
	// CrashPercent of the times it is killed. Otherwise it ends its subscriptions, finishes what it has begun, and leaves.
	CrashPercent int `json:"crash_percent,omitempty"`
}

// role is what a client does, and what moving asks of it.
type role interface {
	Load
	// rest has it begin nothing new and end its subscriptions.
	rest()
	// busy says that something begun is not over.
	busy() bool
	// restart has it forget everything and begin anew: its process has ended, and starts again at now.
	restart(now int64)
}

// mover is a client that comes and goes.
type mover struct {
	role     role
	receiver Receiver // the role, if it is one
	moves    Moves
	due      arrivals
	crash    Key
	where    Key
	nodes    []int
	until    int64

	state moving
	n     uint64 // of this move
	at    int64  // leaves at the latest, or comes back
}

// moving is where a mover stands.
type moving uint8

const (
	staying moving = iota
	finishing
	going // its Leave or Die is under way
	away
	coming
)

// patience is how long a client that is to leave may take to finish, in nanoseconds.
const patience = 2000 * millisecond

func newMover(r role, g *Group, key Key) *mover {
	m := &mover{role: r, moves: *g.Moves, crash: key.Sub("crash"), where: key.Sub("where"), nodes: g.Nodes, until: g.Until}
	m.due = newArrivals(key.Sub("move"), int64(m.moves.EveryMS)*millisecond, g.From)
	m.receiver, _ = r.(Receiver)
	return m
}

// Next is the role's, or the next part of a move.
func (m *mover) Next(now int64) (Op, bool, int64) {
	switch m.state {
	case going, coming:
		return Op{}, false, 0
	case away:
		if now < m.at {
			return Op{}, false, m.at
		}
		m.state = coming
		return Op{Verb: Join, Node: m.node()}, true, 0
	case staying:
		if m.due.due(now, m.until) {
			if op, killed := m.begin(now); killed {
				return op, true, 0
			}
		}
	}
	if m.state == finishing && (!m.role.busy() || now >= m.at) {
		m.state = going
		return Op{Verb: Leave, Timeout: patience}, true, 0
	}
	op, ok, wake := m.role.Next(now)
	if m.state == finishing {
		return op, ok, sooner(wake, m.at)
	}
	return op, ok, sooner(wake, m.due.next(m.until))
}

// begin begins a move.
func (m *mover) begin(now int64) (Op, bool) {
	m.n = m.due.n
	m.due.skip(now)
	if percent(m.crash, m.n) < m.moves.CrashPercent {
		m.state = going
		return Op{Verb: Die}, true
	}
	m.state, m.at = finishing, now+patience
	m.role.rest()
	return Op{}, false
}

func (m *mover) node() uint32 {
	if len(m.nodes) == 0 {
		return 0
	}
	return uint32(m.nodes[m.where.Below(m.n, uint64(len(m.nodes)))])
}

// Done is the role's, or goes on with the move.
func (m *mover) Done(now int64, op Op, out Outcome) {
	switch op.Verb {
	case Leave, Die:
		m.state, m.at = away, now+int64(orElse(m.moves.DownMS, 100))*millisecond
	case Join:
		m.state = staying
		m.due.skip(now)
		m.role.restart(now)
	default:
		m.role.Done(now, op, out)
	}
}

// Deliver is the role's.
func (m *mover) Deliver(now int64, d *Delivery) {
	if m.receiver != nil {
		m.receiver.Deliver(now, d)
	}
}
