package broker

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/model/machine"
)

// owner is the store that a disk operation belongs to, and its group once there is one.
type owner struct {
	dir   string
	store *store.Stream
	group *group
}

// foundStore is a store as boot found it, before its group exists.
type foundStore struct {
	*owner
	checkpoint *store.Checkpoint
	damage     string // what its files lost, if they did
}

// recover opens the log and the stores, and joins the meta group, whose state brings up the others.
func (b *Broker) recover(image machine.Image) error {
	sw := &b.cfg.Switches
	modes := map[string]store.SyncMode{"group": store.SyncGroup, "interval": store.SyncInterval, "none": store.SyncNone}
	log, rec, err := store.OpenLog(store.LogConfig{
		Node: uint32(b.cfg.Node), SegmentBytes: b.cfg.SegmentBytes, Sync: modes[sw.Sync],
		AcceptAfterHole: b.bug(BugAcceptAfterHole), RetrySync: b.bug(BugRetrySync),
	}, image, b.fx, func() machine.Token { return b.newToken(nil) })
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	b.log = log
	why := ""
	if rec.Damage != nil {
		why = rec.Damage.String()
	}
	if sw.Damage == "cut" || b.bug(BugKeepMember) && rec.Damage != nil {
		log.AcceptDamage()
	} else if err := b.identify(rec, image); err != nil {
		return err
	} else {
		b.markLosses(rec)
	}
	for _, g := range rec.Groups {
		b.recovered[g.Group] = g
	}
	b.observe(machine.Observation{Kind: machine.Booted, N: rec.Torn, Why: why})
	if err := b.findStores(image); err != nil {
		return err
	}
	founders := make([]memberID, len(b.cfg.Nodes))
	for i, n := range b.cfg.Nodes {
		founders[i] = memberID(n)
	}
	if _, err := b.openGroup(metaGroup, founders, metaDir, func(g *group) state { return &metaState{g: g} }); err != nil {
		return fmt.Errorf("meta: %w", err)
	}
	b.startTimers()
	b.settle()
	return nil
}

func (b *Broker) startTimers() {
	b.fx.SetTimer(machine.TimerKey{Kind: timerTick}, b.env.Mono+machine.Mono(b.cfg.TickEvery))
	if b.cfg.Switches.Sync == "interval" {
		// nats-server's first timer fires somewhere in the second half of the interval.
		half := max(b.cfg.SyncInterval/2, 1)
		first := half + int64(b.env.Choices.Draw(purposeFirstSync, 0)%uint64(half))
		b.fx.SetTimer(machine.TimerKey{Kind: timerSync}, b.env.Mono+machine.Mono(first))
	}
}

// findStores opens the store of meta and of every stream that left files. One that no entry of the
// meta group claims stays as it is: removing what looks like an orphan is how nats-server#7556
// lost streams.
func (b *Broker) findStores(image machine.Image) error {
	names, err := image.List(streamsDir)
	if err != nil && !errors.Is(err, machine.ErrNotExist) {
		return fmt.Errorf("streams: %w", err)
	}
	dirs := []string{metaDir}
	for _, name := range names {
		rest := strings.TrimPrefix(name, streamsDir+"/")
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			rest = rest[:i]
		}
		if dir := streamsDir + "/" + rest; dir != dirs[len(dirs)-1] {
			dirs = append(dirs, dir)
		}
	}
	for _, dir := range dirs {
		f, err := b.openStore(dir, image)
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		b.found[dir] = f
	}
	return nil
}

func (b *Broker) openStore(dir string, image machine.Image) (*foundStore, error) {
	f := &foundStore{owner: &owner{dir: dir}}
	cfg := store.StreamConfig{Dir: dir, BlockBytes: b.cfg.BlockBytes, CacheBytes: b.cfg.CacheBytes}
	tokens := func() machine.Token { return b.newToken(f.owner) }
	s, cp, err := store.OpenStream(cfg, image, b.fx, tokens)
	if damage := (*store.DamageError)(nil); errors.As(err, &damage) {
		f.damage = damage.Error()
		if b.cfg.Switches.Damage == "cut" || b.bug(BugKeepMember) {
			s.Reset(b.fx)
			s.Flush(b.fx)
		}
		cp, err = nil, nil
	}
	f.store, f.checkpoint = s, cp
	return f, err
}

// takeStore hands a store to its group: what boot found, or a new one.
func (b *Broker) takeStore(dir string, g *group) (*foundStore, error) {
	f := b.found[dir]
	if f == nil {
		var err error
		if f, err = b.openStore(dir, emptyImage{}); err != nil {
			return nil, err
		}
	}
	delete(b.found, dir)
	f.group = g
	return f, nil
}

// takeRecovered is what the log held of a group at boot, once.
func (b *Broker) takeRecovered(id uint64) store.GroupLog {
	rec := b.recovered[id]
	delete(b.recovered, id)
	return rec
}

// newToken names a disk operation; owner is nil for the log's.
func (b *Broker) newToken(o *owner) machine.Token {
	b.lastToken++
	if o != nil {
		b.owners[b.lastToken] = o
	}
	return b.lastToken
}

// emptyImage is the disk as a new stream finds its directory.
type emptyImage struct{}

func (emptyImage) List(string) ([]string, error)             { return nil, nil }
func (emptyImage) Size(string) (int64, error)                { return 0, machine.ErrNotExist }
func (emptyImage) ReadAt(string, []byte, int64) (int, error) { return 0, errNoFile }

var errNoFile = fmt.Errorf("%w: %w", machine.ErrNotExist, io.EOF)
