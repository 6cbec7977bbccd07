package broker

import (
	"errors"
	"fmt"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// peerFrame handles one frame from another node. A frame that does not decode is dropped: on the
// Raft link that is a loss like any other, on the route link it ends the session.
func (b *Broker) peerFrame(in *machine.Input) {
	p := b.peer(in.Peer.Node)
	if p == nil || len(in.Bytes) == 0 {
		return
	}
	var err error
	if in.Link == machine.RaftLink {
		err = b.raftFrame(p, in.Bytes)
	} else {
		err = b.routeFrame(p, in.Bytes)
	}
	if err == nil {
		return
	}
	b.observe(machine.Observation{Kind: machine.Dropped, Peer: p.id, N: 1, Why: err.Error()})
	if in.Link == machine.RouteLink {
		b.fx.Resets = append(b.fx.Resets, machine.PeerReset{Peer: in.Peer, Link: in.Link})
	}
}

func (b *Broker) raftFrame(p *peer, frame []byte) error {
	f := &b.frame
	if err := wire.DecodeFrame(frame, f); err != nil {
		return err
	}
	switch f.Kind {
	case wire.KindHello:
		return b.hello(p, f.Hello)
	case wire.KindRaft:
		b.fx.Charge(machine.WorkRaft, 0, int64(len(frame)), 0)
		if p.stranger {
			return errStranger
		}
		for _, r := range f.Raft {
			if g := b.groupByID(r.Group); g != nil && nodeOf(r.Message.GetFrom()) == p.id {
				g.receive(r.Message)
			}
		}
		return nil
	}
	return fmt.Errorf("frame %s does not belong on the raft link", f.Kind)
}

var errStranger = errors.New("a frame from a node that greeted as one of another cluster")

// hello learns a peer's boot id: another one than before means that it has restarted.
func (b *Broker) hello(p *peer, h wire.Hello) error {
	if p.stranger = h.Cluster != b.cfg.Cluster || h.Node != uint32(p.id); p.stranger {
		return fmt.Errorf("node %d greets as node %d of cluster %q, not of %q", p.id, h.Node, h.Cluster, b.cfg.Cluster)
	}
	if p.boot != 0 && p.boot != h.Boot {
		for _, g := range b.groups {
			g.peerReturned()
		}
	}
	p.boot = h.Boot
	return nil
}

func (b *Broker) routeFrame(p *peer, frame []byte) error {
	f := &b.frame
	if err := wire.DecodeFrame(frame, f); err != nil {
		return err
	}
	if f.Kind != wire.KindHello && p.stranger {
		return errStranger
	}
	switch f.Kind {
	case wire.KindHello:
		if err := b.hello(p, f.Hello); err != nil {
			return err
		}
		b.heardURLs(p, f.Hello.ClientURLs)
	case wire.KindInterestAdd, wire.KindInterestRemove:
		b.remoteInterest(p, f.Interest, f.Kind == wire.KindInterestAdd)
	case wire.KindInterestReset:
		b.dropInterest(p)
	case wire.KindRoute:
		b.routed(p, &f.Route)
	case wire.KindCatchupRequest:
		if g := b.groupByID(f.Catchup.Group); g != nil {
			g.serveChunk(p.id, &f.Catchup)
		}
	case wire.KindCatchupChunk:
		if g := b.groupByID(f.Catchup.Group); g != nil {
			g.chunk(p.id, &f.Catchup)
		}
	case wire.KindCatchupDone:
		if g := b.groupByID(f.Catchup.Group); g != nil {
			g.catchupDone(p.id, &f.Catchup)
		}
	case wire.KindStanding:
		b.standingOf(p, f.Standing)
	case wire.KindRejoin:
		b.heardOfReturn(p.id, &f.Rejoin)
	case wire.KindAdmit:
		if g := b.groupByID(f.Rejoin.Group); g != nil {
			g.admitted(&f.Rejoin)
		}
	default:
		return fmt.Errorf("frame %s does not belong on the route link", f.Kind)
	}
	return nil
}
