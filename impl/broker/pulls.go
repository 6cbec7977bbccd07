package broker

import (
	"cmp"
	"slices"
	"strings"

	track "github.com/brokerlab/brokerlab/impl/consumer"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// A request that waits at a consumer's leader is forgotten when that one ends, and one that is made before the next is
// elected finds nobody. Either would leave a client idle until it misses heartbeats, which takes nats.go half a minute. So the
// node that the client is connected to remembers what it has asked for. When it hears of another leader it sends it what has
// found nobody, and tells the clients of the rest, "409 Leadership Change": they ask again. (nats-server replicates the
// reply subjects, and its new leader tells them; one that finds nobody is dropped there until the next heartbeat.)

// pulls is what the clients of this node have asked the consumers of one stream for.
type pulls struct {
	leader string // the last that was heard of: node and queue group, which has the term in its name
	made   uint64
	asked  map[pullKey]*pulled
}

type pullKey struct {
	conn  machine.ConnID
	reply string
}

// pulled is the newest request of a client with that reply subject.
type pulled struct {
	number  uint64
	conn    *conn
	subject string
	expires machine.Mono
	held    bool // it has found nobody yet
	body    []byte
}

// maxPulls is how many requests are remembered of the clients of one stream.
const maxPulls = 1 << 10

// fromClient delivers what a client here published, and reports whether it reached anyone, or waits for someone.
func (b *Broker) fromClient(m *message) bool {
	reached := b.route(m)
	if len(b.peers) == 0 || len(m.reply) == 0 || m.from.closed || !strings.HasPrefix(string(m.subject), apiConsumerNext) {
		return reached
	}
	stream, _, _ := strings.Cut(string(m.subject[len(apiConsumerNext):]), ".")
	if _, a := b.meta().find(stream); a == nil {
		return reached
	}
	req, why := track.ParseRequest(m.data)
	if why != nil || req.Expires == 0 {
		return reached // it is answered at once, or could be remembered for ever
	}
	p := b.pullsOf(stream)
	key := pullKey{m.from.id, string(m.reply)}
	if len(p.asked) >= maxPulls {
		p.makeRoom(b)
	}
	p.made++
	ask := &pulled{number: p.made, conn: m.from, subject: string(m.subject), expires: b.env.Mono + machine.Mono(req.Expires), held: !reached}
	if ask.held {
		ask.body = append([]byte(nil), m.data...)
	}
	p.asked[key] = ask
	return true
}

func (b *Broker) pullsOf(stream string) *pulls {
	p := b.pulls[stream]
	if p == nil {
		p = &pulls{asked: map[pullKey]*pulled{}}
		b.pulls[stream] = p
	}
	return p
}

// over says that nobody waits for an answer to a request any more.
func (k pullKey) over(b *Broker, ask *pulled) bool {
	return ask.conn.closed || b.env.Mono >= ask.expires || !b.wanted(k.reply, "")
}

// makeRoom forgets the requests that are over, and if they are few the oldest of the others.
func (p *pulls) makeRoom(b *Broker) {
	keys := p.inOrder()
	for _, key := range keys {
		if key.over(b, p.asked[key]) {
			delete(p.asked, key)
		}
	}
	for _, key := range keys {
		if len(p.asked) > maxPulls*3/4 {
			delete(p.asked, key)
		}
	}
}

// hearLeader notes that the consumers of a stream have a leader. Who asked is seen to at the next tick.
func (b *Broker) hearLeader(filter string, node machine.NodeID, queue string) {
	rest, ok := strings.CutPrefix(filter, apiConsumerNext)
	if !ok || len(b.peers) == 0 {
		return
	}
	stream, _, _ := strings.Cut(rest, ".")
	if _, a := b.meta().find(stream); a != nil {
		b.led = append(b.led, heardLeader{stream, nodeName(node) + queue, b.pullsOf(stream).made})
	}
}

// heardLeader is news of a stream's leader, and the number of the last request before it.
type heardLeader struct {
	stream, leader string
	before         uint64
}

// renewPulls sees to those who had asked the leaders that are no more.
func (b *Broker) renewPulls() {
	heard := b.led
	b.led = nil
	for _, h := range heard {
		p := b.pullsOf(h.stream)
		changed := p.leader != h.leader
		p.leader = h.leader
		for _, key := range p.inOrder() {
			switch ask := p.asked[key]; {
			case key.over(b, ask):
				delete(p.asked, key)
			case ask.held:
				m := &message{subject: []byte(ask.subject), reply: []byte(key.reply), data: ask.body, from: ask.conn}
				if ask.held = !b.route(m); !ask.held {
					ask.body = nil
				}
			case changed && ask.number <= h.before:
				delete(p.asked, key)
				b.replyWith(key.reply, wire.AppendStatus(nil, 409, "Leadership Change"), nil)
			}
		}
	}
}

// inOrder is the keys of the requests, as they were made.
func (p *pulls) inOrder() []pullKey {
	keys := make([]pullKey, 0, len(p.asked))
	for key := range p.asked { // map order: sorted below
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(x, y pullKey) int { return cmp.Compare(p.asked[x].number, p.asked[y].number) })
	return keys
}
