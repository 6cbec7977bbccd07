package store

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/machine"
)

// groupState and logState say what a log should hold, in plain Go.
type groupState struct {
	hard     HardState
	base     uint64
	baseTerm uint64
	entries  []string // base+1 and up: "term:data"
}

type logState map[uint64]groupState

// ownersPlace is where the model keeps what belongs to no group.
const ownersPlace = 0

func (s logState) clone() logState { return maps.Clone(s) }

func (s logState) String() string {
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(s)) {
		g := s[id]
		if g.hard == (HardState{}) && g.base == 0 && len(g.entries) == 0 {
			continue // nobody has to remember it
		}
		self := ""
		if g.hard.Self != 0 {
			self = fmt.Sprintf(" as %d", g.hard.Self)
		}
		fmt.Fprintf(&b, "group %d: term %d vote %d commit %d%s, log (%d/%d, %d] %s\n",
			id, g.hard.Term, g.hard.Vote, g.hard.Commit, self, g.base, g.baseTerm, g.base+uint64(len(g.entries)), strings.Join(g.entries, " "))
	}
	return b.String()
}

func stateOf(rec *Recovered) logState {
	s := logState{}
	if rec.Owner != nil {
		s[ownersPlace] = groupState{entries: []string{string(rec.Owner)}}
	}
	for _, g := range rec.Groups {
		gs := groupState{hard: g.Hard, base: g.Base, baseTerm: g.BaseTerm}
		for i, e := range g.Entries {
			if e.Index != g.Base+1+uint64(i) {
				panic(fmt.Sprintf("entry %d stands at place %d above base %d", e.Index, i+1, g.Base))
			}
			gs.entries = append(gs.entries, fmt.Sprintf("%d:%s", e.Term, e.Data))
		}
		s[g.Group] = gs
	}
	return s
}

// logRun is a log on a test disk beside its model.
type logRun struct {
	by   dice
	cfg  LogConfig
	disk *testDisk
	fx   *machine.Effects
	log  *Log
	now  logState // with what is pending
	// states[i] is what the log held after a batch, oldest first; ends[i] where that
	// batch ended. The log of this boot gave states[first] ticket 1.
	states []logState
	ends   []position
	first  int
	floor  int // the newest state that must not be lost
	serial int
	terms  map[uint64]uint64
}

func newLogRun(by dice, cfg LogConfig) *logRun {
	r := &logRun{
		by: by, cfg: cfg, disk: newTestDisk(), fx: &machine.Effects{}, now: logState{},
		states: []logState{{}}, ends: []position{0}, terms: map[uint64]uint64{},
	}
	if err := r.boot(); err != nil {
		panic(err)
	}
	return r
}

// boot opens the log and finds the state that it recovered among those it may have.
func (r *logRun) boot() error {
	log, rec, err := OpenLog(r.cfg, r.disk, r.fx, tokenSource())
	if err != nil {
		return err
	}
	r.log = log
	r.disk.take(r.fx)
	if rec.Damage != nil {
		return fmt.Errorf("an honest crash was taken for loss: %s", rec.Damage)
	}
	got := stateOf(rec).String()
	for i := len(r.states) - 1; i >= r.floor; i-- {
		if r.states[i].String() == got {
			r.states, r.ends, r.first = r.states[:i+1], r.ends[:i+1], i
			r.ends[i] = log.segs[len(log.segs)-1].end()
			r.now = r.states[i].clone()
			return nil
		}
	}
	return fmt.Errorf("recovered none of the states %d to %d:\n%s\noldest allowed:\n%s\nnewest:\n%s",
		r.floor, len(r.states)-1, got, r.states[r.floor], r.states[len(r.states)-1])
}

func (r *logRun) flush() {
	before := r.log.Pending()
	r.log.Flush(r.fx)
	if r.log.Pending() != before {
		r.states = append(r.states, r.now.clone())
		r.ends = append(r.ends, r.log.segs[len(r.log.segs)-1].end())
	}
	r.disk.take(r.fx)
	r.raise()
}

// raise notes what is synced from now on.
func (r *logRun) raise() {
	for i := r.first; i < len(r.ends); i++ {
		if r.ends[i] <= r.log.synced {
			r.floor = max(r.floor, i)
		}
	}
}

// work carries out up to n disk operations, a Flush after each.
func (r *logRun) work(n int) error {
	for ; n > 0 && len(r.disk.queue) > 0; n-- {
		op, _, err := r.disk.step(r.by)
		if op.Token == 0 {
			continue
		}
		mine, failed := r.log.Done(op.Token, int64(len(op.Data)), err)
		if !mine || (failed != nil) != (err != nil && !r.cfg.RetrySync) {
			return fmt.Errorf("done(%d, %v) = %t, %v", op.Token, err, mine, failed)
		}
		if failed != nil { // the node stops, and its process starts again
			r.disk.kill(r.by)
			if err := r.boot(); err != nil {
				return fmt.Errorf("after a failed sync: %w", err)
			}
			return nil
		}
		r.flush()
		if r.cfg.Sync == SyncGroup {
			if want := r.first + int(r.log.Durable()) - 1; r.floor < want && r.log.Durable() > 0 {
				return fmt.Errorf("ticket %d counts as durable, but state %d is synced", r.log.Durable(), r.floor)
			}
		}
	}
	return nil
}

// act does something random to a random group.
func (r *logRun) act() {
	if one(r.by, 12) {
		r.serial++
		owner := fmt.Sprint("owner ", r.serial)
		r.log.SetOwner([]byte(owner))
		r.now[ownersPlace] = groupState{entries: []string{owner}}
		return
	}
	id := uint64(1 + r.by.n(3))
	g, known := r.now[id]
	last := g.base + uint64(len(g.entries))
	g.entries = slices.Clone(g.entries)
	switch r.by.n(12) {
	case 0, 1, 2, 3, 4: // append, sometimes over the end of the log
		from := last + 1
		if len(g.entries) > 0 && one(r.by, 4) {
			from -= uint64(r.by.n(min(3, len(g.entries))))
			r.terms[id]++
		}
		g.entries = g.entries[:from-g.base-1]
		var entries []Entry
		for i := range uint64(1 + r.by.n(4)) {
			r.serial++
			data := fmt.Sprintf("%d%s", r.serial, strings.Repeat("x", r.by.n(200)))
			entries = append(entries, Entry{Index: from + i, Term: r.terms[id], Data: []byte(data)})
			g.entries = append(g.entries, fmt.Sprintf("%d:%s", r.terms[id], data))
		}
		r.log.Append(id, entries)
	case 5, 6:
		g.hard = HardState{Term: r.terms[id], Vote: uint64(r.by.n(3)), Commit: g.base + uint64(r.by.n(len(g.entries)+1)), Self: uint64(r.by.n(3))}
		r.log.SetHardState(id, g.hard, one(r.by, 2))
	case 7, 8:
		if len(g.entries) == 0 {
			return
		}
		n := 1 + r.by.n(len(g.entries))
		g.base, g.baseTerm = g.base+uint64(n), 7
		g.entries = g.entries[n:]
		r.log.Checkpointed(id, g.base, g.baseTerm)
	case 9:
		g.base, g.baseTerm, g.entries = max(1, last+uint64(r.by.n(5))), 8, nil
		r.log.Rebase(id, g.base, g.baseTerm)
	case 10:
		switch {
		case g.base > 1 && one(r.by, 4): // below what the log has
			g.base, g.baseTerm, g.entries = g.base-1, 6, nil
		case len(g.entries) == 0:
			return
		default:
			g.entries = g.entries[:r.by.n(len(g.entries))]
		}
		end, term := g.base+uint64(len(g.entries)), g.baseTerm
		if g.hard.Commit > end {
			g.hard.Commit = end
			r.log.SetHardState(id, g.hard, true)
		}
		r.log.TruncateTo(id, end, term)
	case 11:
		if known && one(r.by, 2) {
			delete(r.now, id)
			r.log.Forget(id)
		}
		return
	}
	r.now[id] = g
}

// fixCommit keeps the model honest: no log forgets what it has committed.
func (r *logRun) fixCommit() {
	for _, id := range slices.Sorted(maps.Keys(r.now)) {
		g := r.now[id]
		if last := g.base + uint64(len(g.entries)); g.hard.Commit > last {
			g.hard.Commit = last
			r.now[id] = g
			r.log.SetHardState(id, g.hard, true)
		}
	}
}

// torture runs steps of work with crashes between them, inside recovery too.
func (r *logRun) torture(steps int) error {
	for range steps {
		switch r.by.n(16) {
		case 0:
			r.disk.powerFail(r.by)
			if r.cfg.Sync != SyncGroup || one(r.by, 2) {
				r.raise()
			}
			if err := r.boot(); err != nil {
				return fmt.Errorf("after a power failure: %w", err)
			}
		case 1:
			r.disk.kill(r.by)
			if err := r.boot(); err != nil {
				return fmt.Errorf("after a process crash: %w", err)
			}
		case 2, 3, 4, 5, 6:
			if err := r.work(1 + r.by.n(6)); err != nil {
				return err
			}
		case 7:
			r.log.Free(r.fx)
			r.disk.take(r.fx)
		case 8:
			if r.cfg.Sync != SyncGroup {
				r.log.SyncNow(r.fx)
				r.disk.take(r.fx)
			} else {
				r.log.ForceSync()
			}
		default:
			r.act()
			r.fixCommit()
			if !one(r.by, 3) {
				r.flush()
			}
		}
	}
	return nil
}
