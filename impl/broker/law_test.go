package broker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/subject"
)

// The laws of core messaging, held against three nodes whose routes deliver when the test says so, break and are made again,
// while clients come, subscribe, publish and go:
//
//   - a subscription gets a message once at most, a queue group too, in the whole cluster;
//   - what one client published arrives at a subscription in its order;
//   - nothing comes after an UNSUB, beyond a maximum, on a subject that does not match, or back to who wants no echo;
//   - who was told that there are no responders was heard by nobody;
//   - when routes are idle, a message reaches every subscription and every group that its node can reach.
type law struct {
	m       *mesh
	draw    func(n int) int
	clients []*lawClient
	parted  map[[2]int]bool
	names   int
	pubs    map[string]*lawPub
}

type lawClient struct {
	*meshConn
	echo bool
	gone bool
	subs []*lawSub
	sids int
	read int // lines of got that were looked at
	seq  int
}

type lawSub struct {
	sid, filter, queue string
	left               int            // 0: no maximum
	last               map[string]int // by publisher
}

type lawPub struct {
	from    *lawClient
	subject string
	seq     int
	plain   map[*lawSub]bool
	groups  map[string]bool
	refused bool
}

var (
	lawFilters  = []string{"a", "b", "a.b", "*", "a.*", ">", "a.>"}
	lawSubjects = []string{"a", "b", "a.b", "a.c"}
	lawQueues   = []string{"", "", "", "q", "q", "r"}
)

func newLaw(bug Bug, planted bool, draw func(int) int) *law {
	l := &law{draw: draw, parted: map[[2]int]bool{}, pubs: map[string]*lawPub{}}
	l.m = makeMesh(3, func(c *Config) { c.Switches.Bugs[bug] = planted })
	l.m.quiet = true
	return l
}

func (l *law) alive() (cs []*lawClient) {
	for _, c := range l.clients {
		if !c.gone {
			cs = append(cs, c)
		}
	}
	return cs
}

func (l *law) connect() {
	l.names++
	echo := l.draw(3) > 0
	c := &lawClient{echo: echo}
	c.meshConn = l.m.connect(fmt.Sprint("c", l.names), fmt.Sprint("n", 1+l.draw(3)), fmt.Sprintf(`,"echo":%v`, echo))
	l.clients = append(l.clients, c)
	l.m.bytes(c.meshConn, fmt.Sprintf("SUB _INBOX.%s.* 0\r\n", c.name))
}

// act does one thing drawn. It returns what law was broken, if any.
func (l *law) act() error {
	cs := l.alive()
	if len(cs) < 2 || len(cs) < 8 && l.draw(12) == 0 {
		l.connect()
		return l.look()
	}
	c := cs[l.draw(len(cs))]
	switch l.draw(16) {
	case 0, 1, 2, 3:
		c.sids++
		s := &lawSub{fmt.Sprint(c.sids), lawFilters[l.draw(len(lawFilters))], lawQueues[l.draw(len(lawQueues))], 0, map[string]int{}}
		c.subs = append(c.subs, s)
		l.m.bytes(c.meshConn, "SUB "+s.filter+" "+s.queue+" "+s.sid+"\r\n")
	case 4, 5:
		if len(c.subs) > 0 {
			i := l.draw(len(c.subs))
			l.m.bytes(c.meshConn, "UNSUB "+c.subs[i].sid+"\r\n")
			c.subs = slices.Delete(c.subs, i, i+1)
		}
	case 6:
		c.sids++
		s := &lawSub{fmt.Sprint(c.sids), lawFilters[l.draw(len(lawFilters))], "", 1 + l.draw(2), map[string]int{}}
		c.subs = append(c.subs, s)
		l.m.bytes(c.meshConn, fmt.Sprintf("SUB %s %s\r\nUNSUB %s %d\r\n", s.filter, s.sid, s.sid, s.left))
	case 7, 8:
		l.publish(c, 1+l.draw(3))
	case 9, 10, 11:
		l.frame()
	case 12:
		l.link()
	case 13:
		if l.draw(3) == 0 {
			c.gone = true
			l.m.step(c.node, &machine.Input{Kind: machine.ConnClosed, Conn: c.buf.ID})
		}
	default:
		l.m.settle()
		if err := l.look(); err != nil {
			return err
		}
		return l.publishInPeace(c)
	}
	return l.look()
}

// frame lets the oldest frame of one route arrive.
func (l *law) frame() {
	var first []int
	seen := map[[2]machine.NodeID]bool{}
	for i, f := range l.m.flying {
		if route := [2]machine.NodeID{f.from, f.to}; !seen[route] {
			seen[route] = true
			first = append(first, i)
		}
	}
	if len(first) == 0 {
		return
	}
	i := first[l.draw(len(first))]
	f := l.m.flying[i]
	l.m.flying = slices.Delete(l.m.flying, i, i+1)
	l.m.step(l.m.nodes[f.to-1], &machine.Input{Kind: machine.PeerFrame, Link: machine.RouteLink, Peer: machine.Addr{Node: f.from}, Bytes: f.bytes})
}

// link breaks a route, or makes it again.
func (l *law) link() {
	pair := [][2]int{{0, 1}, {0, 2}, {1, 2}}[l.draw(3)]
	a, b := l.m.nodes[pair[0]], l.m.nodes[pair[1]]
	if l.parted[pair] = !l.parted[pair]; l.parted[pair] {
		l.m.part(a, b)
	} else {
		l.m.join(a, b)
	}
}

// write is a publish of c's as it is sent.
func (l *law) write(c *lawClient, on string) (p *lawPub, text string) {
	c.seq++
	p = &lawPub{from: c, subject: on, seq: c.seq, plain: map[*lawSub]bool{}, groups: map[string]bool{}}
	value := fmt.Sprintf("%s-%d", c.name, c.seq)
	l.pubs[value] = p
	return p, fmt.Sprintf("PUB %s _INBOX.%s.%d %d\r\n%s\r\n", on, c.name, c.seq, len(value), value)
}

// publish sends n messages in one read.
func (l *law) publish(c *lawClient, n int) {
	all := ""
	for range n {
		_, text := l.write(c, lawSubjects[l.draw(len(lawSubjects))])
		all += text
	}
	l.m.bytes(c.meshConn, all)
}

// publishInPeace publishes while nothing is on its way: what is reached is known.
func (l *law) publishInPeace(c *lawClient) error {
	plain, groups := 0, map[string]bool{}
	on := lawSubjects[l.draw(len(lawSubjects))]
	for _, o := range l.alive() {
		if o == c && !c.echo || l.apart(c.node, o.node) {
			continue
		}
		for _, s := range o.subs {
			switch {
			case !subject.Match(s.filter, on):
			case s.queue == "":
				plain++
			default:
				groups[s.queue] = true
			}
		}
	}
	p, text := l.write(c, on)
	l.m.bytes(c.meshConn, text)
	l.m.settle()
	if err := l.look(); err != nil {
		return err
	}
	if len(p.plain) != plain || len(p.groups) != len(groups) {
		return fmt.Errorf("%s-%d on %s, published in peace, reached %d of %d subscriptions and %d of %d groups",
			c.name, p.seq, on, len(p.plain), plain, len(p.groups), len(groups))
	}
	if none := plain+len(groups) == 0; p.refused != none {
		return fmt.Errorf("%s-%d on %s: nobody to answer: %v; told so: %v", c.name, p.seq, on, none, p.refused)
	}
	return nil
}

func (l *law) apart(a, b *meshNode) bool {
	if a == b {
		return false
	}
	return l.parted[[2]int{int(min(a.id, b.id)) - 1, int(max(a.id, b.id)) - 1}]
}

// look judges what clients were sent since the last look.
func (l *law) look() error {
	for _, c := range l.clients {
		for ; c.read < len(c.got); c.read++ {
			f := strings.Fields(c.got[c.read])
			var err error
			switch {
			case c.gone:
				err = fmt.Errorf("after its end")
			case f[0] == "MSG":
				err = l.message(c, f[1], f[2], f[len(f)-1])
			case f[0] == "HMSG":
				err = l.refusal(c, f[1])
			}
			if err != nil {
				return fmt.Errorf("%s was sent %q: %w", c.name, c.got[c.read], err)
			}
		}
	}
	return nil
}

func (l *law) message(c *lawClient, on, sid, value string) error {
	p := l.pubs[value]
	i := slices.IndexFunc(c.subs, func(s *lawSub) bool { return s.sid == sid })
	if i < 0 {
		return fmt.Errorf("its subscription has ended")
	}
	s := c.subs[i]
	switch {
	case on != p.subject || !subject.Match(s.filter, on):
		return fmt.Errorf("it was published on %s, the filter is %s", p.subject, s.filter)
	case p.from == c && !c.echo:
		return fmt.Errorf("it wants no echo")
	case p.refused:
		return fmt.Errorf("its publisher was told that nobody listens")
	case s.queue == "" && p.plain[s], s.queue != "" && p.groups[s.queue]:
		return fmt.Errorf("a second time")
	case p.seq <= s.last[p.from.name]:
		return fmt.Errorf("after number %d of the same publisher", s.last[p.from.name])
	}
	s.last[p.from.name] = p.seq
	if s.queue == "" {
		p.plain[s] = true
	} else {
		p.groups[s.queue] = true
	}
	if s.left > 0 {
		if s.left--; s.left == 0 {
			c.subs = slices.Delete(c.subs, i, i+1)
		}
	}
	return nil
}

// refusal is a 503, at the reply subject of the publish that it is about.
func (l *law) refusal(c *lawClient, on string) error {
	p := l.pubs[c.name+"-"+on[strings.LastIndexByte(on, '.')+1:]]
	if p.refused = true; len(p.plain)+len(p.groups) > 0 {
		return fmt.Errorf("somebody had heard it")
	}
	return nil
}

func (l *law) run(steps int) error {
	for range steps {
		if err := l.act(); err != nil {
			return err
		}
	}
	l.m.settle()
	return l.look()
}

func TestTheLawsOfCoreMessagingHoldWhateverClientsAndRoutesDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLaw(0, false, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "draw") })
		if err := l.run(rapid.IntRange(1, 200).Draw(t, "steps")); err != nil {
			t.Fatal(err)
		}
	})
}

// seeded runs a law with draws that a seed decides.
func seeded(bug Bug, planted bool, seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 0))
	return newLaw(bug, planted, r.IntN).run(200)
}

func TestEveryBugPlantedInCoreMessagingBreaksALaw(t *testing.T) {
	const seeds = 100
	for seed := range uint64(seeds) {
		require.NoError(t, seeded(0, false, seed), "seed %d, without any bug", seed)
	}
	for bug := BugKeepDeadInterest; bug <= BugFanoutSkipsLast; bug++ {
		caught, first := 0, error(nil)
		for seed := range uint64(seeds) {
			if err := seeded(bug, true, seed); err != nil {
				caught++
				if first == nil {
					first = err
				}
			}
		}
		t.Logf("%s: %d of %d seeds; %v", bugTable[bug].name, caught, seeds, first)
		require.NotZero(t, caught, bugTable[bug].name)
	}
}

// A node stands for as many members as it has; what crosses a route is drawn among the members there.
func TestAQueueGroupIsServedEvenlyWhereverItsMembersAre(t *testing.T) {
	m := makeMesh(3, func(*Config) {})
	m.quiet = true
	pub := m.connect("pub", "n1", "")
	var members []*meshConn
	for i, node := range []string{"n1", "n2", "n2", "n2", "n3", "n3"} {
		c := m.connect(fmt.Sprint("m", i), node, "")
		m.bytes(c, "SUB work g 1\r\n")
		members = append(members, c)
	}
	m.bytes(members[5], "UNSUB 1\r\n") // n3 is left with one
	m.settle()
	even := func() {
		for _, c := range members {
			c.got = nil
		}
		const n = 5000
		for range n {
			m.bytes(pub, "PUB work 1\r\nx\r\n")
			m.settle()
		}
		for i, c := range members[:5] {
			got := 0
			for _, line := range c.got {
				if strings.HasPrefix(line, "MSG") {
					got++
				}
			}
			require.InDelta(t, n/5, got, n/20, "member %d", i)
		}
	}
	even()
	m.part(m.node("n1"), m.node("n2"))
	m.join(m.node("n1"), m.node("n2"))
	m.settle()
	even() // n2 has said again how many it has
}
