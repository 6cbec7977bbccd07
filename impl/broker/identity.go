package broker

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// An empty disk may be that of a new cluster or of a node that lost everything, the votes it had cast among it,
// and only the other nodes can tell. So every disk gets a number when it is first written to, and a cluster is
// founded once: a node with a fresh disk takes part when every other node has said either that its own disk is
// fresh too or that it founded the cluster with this very disk. Before that it votes for nobody. A node that is told
// of a cluster founded without its disk has lost what it had promised, and asks to be let in (rejoin.go).
//
// Why all the others, and not a majority: if n1 and n3 had founded the cluster while n2 was not yet there, and n3 is
// wiped while n1 is away, then n2 and n3 see what two nodes of a new cluster see. The operator may know better
// (Config.NewCluster); the machine cannot. Why it is enough: what a node says to a boot of this disk it says after
// the node's earlier disk was gone. If its own was fresh then, it had answered nobody, and no majority ever
// counted the earlier disk.

// standing is what a node's disk has been part of.
type standing uint8

const (
	// fresh: nothing was ever promised on it.
	fresh standing = iota + 1
	// settled: it belongs to the cluster, as a founder or let in since. The zero value is the same, for damage=cut.
	settled
	// lost: what the node had promised is not on it.
	lost
)

// identity is who this node's disk is.
type identity struct {
	disk     uint64
	standing standing
	// founders are the disks with which it founded the cluster, its own apart; nil if it was let in later.
	founders []diskOf
}

type diskOf struct {
	node machine.NodeID
	disk uint64
}

const identityVersion = 1

func (id *identity) append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(append(dst, identityVersion, byte(id.standing)), id.disk)
	dst = binary.AppendUvarint(dst, uint64(len(id.founders)))
	for _, f := range id.founders {
		dst = binary.LittleEndian.AppendUint64(binary.AppendUvarint(dst, uint64(f.node)), f.disk)
	}
	return dst
}

var errIdentity = errors.New("the log was written by another version: what it says of its disk is not understood")

func decodeIdentity(p []byte) (id identity, err error) {
	if len(p) < 11 || p[0] != identityVersion || p[1] == 0 || standing(p[1]) > lost {
		return id, errIdentity
	}
	id.standing, id.disk = standing(p[1]), binary.LittleEndian.Uint64(p[2:])
	count, n := binary.Uvarint(p[10:])
	for p = p[10+max(n, 0):]; count > 0 && n > 0; count-- {
		var node uint64
		if node, n = binary.Uvarint(p); n <= 0 || len(p) < n+8 {
			return id, errIdentity
		}
		id.founders = append(id.founders, diskOf{machine.NodeID(node), binary.LittleEndian.Uint64(p[n:])})
		p = p[n+8:]
	}
	return id, nil
}

// counted is the disk of a node that this one founded the cluster with; 0 if none.
func (id *identity) counted(n machine.NodeID) uint64 {
	for _, f := range id.founders {
		if f.node == n {
			return f.disk
		}
	}
	return 0
}

// identify finds out who this disk is. A log that lost bytes of any group has lost who knows what: its node is as
// one whose disk was replaced, and so is one that has files of groups and no log.
func (b *Broker) identify(rec *store.Recovered, image machine.Image) error {
	files, err := anyFile(image, metaDir, streamsDir)
	if err != nil {
		return err
	}
	switch {
	case rec.Damage != nil && rec.Damage.Group == 0, rec.Owner == nil && len(rec.Groups) == 0 && files:
		b.becomes(identity{disk: b.drawDisk(), standing: lost})
	case rec.Owner != nil:
		if b.identity, err = decodeIdentity(rec.Owner); err != nil {
			return err
		}
		b.tellAt(1) // which is what recovery writes again
	case len(rec.Groups) > 0 || len(b.cfg.Nodes) == 1 || b.bug(BugWipedVotes):
		b.becomes(identity{disk: b.drawDisk(), standing: settled})
	default:
		b.becomes(identity{disk: b.drawDisk(), standing: fresh})
	}
	return nil
}

func (b *Broker) drawDisk() uint64 { return b.env.Choices.Draw(purposeDisk, 0) | 1 }

func anyFile(image machine.Image, dirs ...string) (found bool, err error) {
	for _, dir := range dirs {
		names, err := image.List(dir)
		if err != nil && !errors.Is(err, machine.ErrNotExist) {
			return false, fmt.Errorf("%s: %w", dir, err)
		}
		found = found || len(names) > 0
	}
	return found, nil
}

// becomes writes down who this disk is from now on.
func (b *Broker) becomes(id identity) {
	b.identity = id
	b.log.SetOwner(id.append(nil))
	b.tellAt(b.log.Pending())
}

// tellAt tells the other nodes who this disk is when a batch of the log is durable, and it can no longer be
// forgotten.
func (b *Broker) tellAt(ticket store.Ticket) {
	b.telling++
	b.later = append(b.later, later{ticket, func() {
		if b.telling--; b.telling > 0 {
			return // it has become another meanwhile
		}
		for _, p := range b.peers {
			b.tellStanding(p)
		}
		b.considerFounding()
	}})
}

// tellStanding tells one node who this disk is.
func (b *Broker) tellStanding(p *peer) {
	if b.identity.disk != 0 && b.telling == 0 && p.up[machine.RouteLink] {
		b.sendRoute(p.id, wire.AppendStanding(nil, wire.Standing{
			Disk: b.identity.disk, Fresh: b.identity.standing == fresh, Counted: b.identity.counted(p.id),
		}))
	}
}

// standingOf learns who a peer's disk is.
func (b *Broker) standingOf(p *peer, s wire.Standing) {
	p.standing, p.stood = s, true
	b.considerFounding()
}

// considerFounding founds the cluster, or finds that it has been without this disk, when enough is known.
func (b *Broker) considerFounding() {
	id := &b.identity
	if id.standing != fresh || b.telling > 0 {
		return
	}
	founders := []diskOf{}
	for _, p := range b.peers {
		switch {
		case !p.stood:
		case p.standing.Fresh || p.standing.Counted == id.disk:
			founders = append(founders, diskOf{p.id, p.standing.Disk})
		default:
			b.becomes(identity{disk: id.disk, standing: lost})
			b.groups[0].leave(fmt.Sprintf("the disk is empty, and %s belongs to a cluster that was founded without it", nodeName(p.id)))
			return
		}
	}
	enough := len(b.peers)
	if b.cfg.NewCluster {
		enough = len(b.cfg.Nodes) / 2
	}
	if len(founders) < enough {
		return
	}
	b.becomes(identity{disk: id.disk, standing: settled, founders: founders})
	b.whenDurable(b.groups[0].begin)
}
