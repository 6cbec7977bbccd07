package kafka

import (
	"encoding/binary"
	"slices"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// peer is another node: the requests on their way to it, the session of its fetches from here, and of ours from there.
type peer struct {
	b    *Broker
	id   machine.NodeID
	up   bool   // the link for requests
	raft []byte // frame of this step, in the making

	next  uint32
	calls []call // unanswered, oldest first

	session session // its fetches from partitions led here
	fetcher fetcher // our fetches from partitions led there
}

// call is a request to a peer that has not been answered.
type call struct {
	correlation uint32
	done        func(code proto.Code, body []byte)
}

// maxCalls bounds the unanswered requests to one peer.
const maxCalls = 4096

func newPeer(b *Broker, id machine.NodeID) *peer {
	p := &peer{b: b, id: id}
	p.session.init(p)
	p.fetcher.peer = p
	return p
}

// Frames between brokers: a kind, a correlation, and of a request its api.
const (
	frameRequest byte = 1
	frameReply   byte = 2
)

// ask sends a request; done hears the answer, or NotController if the way there broke: then nobody knows what became of it.
func (p *peer) ask(api proto.API, m proto.Message, done func(code proto.Code, body []byte)) {
	if !p.up || len(p.calls) >= maxCalls {
		done(proto.NotController, nil)
		return
	}
	p.next++
	p.calls = append(p.calls, call{p.next, done})
	frame := binary.LittleEndian.AppendUint32([]byte{frameRequest}, p.next)
	frame = append(frame, byte(api))
	if m != nil {
		frame = m.Append(frame)
	}
	p.send(frame)
}

func (p *peer) answer(correlation uint32, m proto.Message) {
	p.send(m.Append(binary.LittleEndian.AppendUint32([]byte{frameReply}, correlation)))
}

func (p *peer) send(frame []byte) {
	p.b.fx.Charge(machine.WorkEncode, 1, int64(len(frame)), 1)
	p.b.fx.Send(machine.Addr{Node: p.id}, machine.RouteLink, frame)
}

func (b *Broker) sendRaft(to machine.NodeID, m *pb.Message) {
	if p := b.peer(to); p != nil {
		had := len(p.raft)
		p.raft = wire.AppendRaftFrame(p.raft, quorumGroup, m)
		b.fx.Charge(machine.WorkEncode, 1, int64(len(p.raft)-had), 0)
	}
}

func (b *Broker) peerUp(in *machine.Input) {
	if p := b.peer(in.Peer.Node); p != nil && in.Link == machine.RouteLink {
		p.lost()
		p.up = true
	}
}

func (b *Broker) peerDown(in *machine.Input) {
	if p := b.peer(in.Peer.Node); p != nil && in.Link == machine.RouteLink {
		p.up = false
		p.lost()
	}
}

// lost ends everything that was under way over the link.
func (p *peer) lost() {
	calls := p.calls
	p.calls = nil
	for _, c := range calls {
		c.done(proto.NotController, nil)
	}
	p.session.init(p)
	p.fetcher.reset()
}

func (b *Broker) peerFrame(in *machine.Input) {
	p := b.peer(in.Peer.Node)
	if p == nil {
		return
	}
	if in.Link == machine.RaftLink {
		b.raftFrame(in.Bytes)
		return
	}
	if len(in.Bytes) < 5 || !p.up {
		return
	}
	b.fx.Charge(machine.WorkRaft, 1, int64(len(in.Bytes)), 0)
	correlation, body := binary.LittleEndian.Uint32(in.Bytes[1:]), in.Bytes[5:]
	switch in.Bytes[0] {
	case frameRequest:
		if len(body) > 0 {
			b.peerRequest(p, proto.API(body[0]), correlation, body[1:])
		}
	case frameReply:
		i := slices.IndexFunc(p.calls, func(c call) bool { return c.correlation == correlation })
		if i >= 0 {
			c := p.calls[i]
			p.calls = slices.Delete(p.calls, i, i+1)
			c.done(proto.OK, body)
		}
	}
}

func (b *Broker) raftFrame(bytes []byte) {
	var f wire.Frame
	if err := wire.DecodeFrame(bytes, &f); err != nil || f.Kind != wire.KindRaft {
		b.observe(machine.Observation{Kind: machine.Dropped, N: 1, Why: "a frame that does not decode"})
		return
	}
	b.fx.Charge(machine.WorkRaft, 0, int64(len(bytes)), 0) // its messages where raft takes them
	for i := range f.Raft {
		if f.Raft[i].Group == quorumGroup {
			b.group.Receive(f.Raft[i].Message)
		}
	}
}

// peerRequest handles a request of another broker.
func (b *Broker) peerRequest(p *peer, api proto.API, correlation uint32, body []byte) {
	if api == proto.ReplicaFetch {
		var m proto.FetchRequest
		if proto.Decode(body, &m, "replica-fetch") == nil {
			p.session.fetch(correlation, &m)
		}
		return
	}
	b.control(api, body, func(m proto.Message) { p.answer(correlation, m) })
}
