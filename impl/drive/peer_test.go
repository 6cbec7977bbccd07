package drive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/brokerlab/brokerlab/model/machine"
)

// testCluster starts n connected servers; wait says that all links are up.
func testCluster(t *testing.T, n int, limits Limits) []*Server {
	t.Helper()
	peers := map[machine.NodeID]string{}
	var ls []net.Listener
	for i := range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ls = append(ls, l)
		peers[machine.NodeID(i+1)] = l.Addr().String()
	}
	var servers []*Server
	for i, l := range ls {
		servers = append(servers, testServer(t, Config{Node: machine.NodeID(i + 1), PeerListener: l, Peers: peers, Cluster: "toys", Limits: limits}))
	}
	return servers
}

func awaitUp(t *testing.T, u *user, peer int) {
	t.Helper()
	awaitEvent(t, u, fmt.Sprintf("peer-up %d raft", peer))
	awaitEvent(t, u, fmt.Sprintf("peer-up %d route", peer))
}

func TestFramesReachThePeerOnTheirLinkInOrder(t *testing.T) {
	servers := testCluster(t, 3, Limits{})
	var users []*user
	for i, s := range servers {
		users = append(users, dialUser(t, s.Addr().String()))
		for peer := 1; peer <= 3; peer++ {
			if peer != i+1 {
				awaitUp(t, users[i], peer)
			}
		}
	}
	const n = 3000
	long := strings.Repeat("z", 5000)
	go func() {
		for i := range n {
			users[0].say("peer 3 1 %d %s", i, long[:i*len(long)/n])
		}
	}()
	for i := range n {
		if got, want := users[2].line(), fmt.Sprintf("from 1 on route: %d %s", i, long[:i*len(long)/n]); got != want {
			t.Fatalf("frame %d arrived as %.60q", i, got)
		}
	}
	for _, size := range []int{100 << 10, 3 << 20, 10} { // longer than the reader's buffer, and short again
		big := strings.Repeat("b", size)
		users[2].say("peer 1 0 %s", big)
		if got := users[0].line(); got != "from 3 on raft: "+big {
			t.Fatalf("a frame of %d bytes arrived as %d bytes: %.60q", size, len(got), got)
		}
	}
	users[1].say("peer 1 0 ping both ways")
	if got := users[1].line(); got != "from 1 on raft: pong both ways" {
		t.Fatalf("got %q", got)
	}
}

func TestAResetLinkGoesDownAndComesUpAgainOnBothSides(t *testing.T) {
	servers := testCluster(t, 2, Limits{})
	a, b := dialUser(t, servers[0].Addr().String()), dialUser(t, servers[1].Addr().String())
	awaitUp(t, a, 2)
	awaitUp(t, b, 1)
	b.say("reset 1 1")
	for _, at := range []struct {
		u    *user
		peer string
	}{{a, "2"}, {b, "1"}} {
		up, down := "peer-up "+at.peer+" route", "peer-down "+at.peer+" route"
		awaitEvent(t, at.u, down)
		for events := ""; strings.Count(events, up) < 2; {
			events = at.u.ask("events")
		}
		events := at.u.ask("events")
		if strings.Contains(events, "peer-down "+at.peer+" raft") {
			t.Fatalf("the other link went down too: %s", events)
		}
		first, second := strings.Index(events, up), strings.LastIndex(events, up)
		if middle := strings.Index(events, down); middle < first || second < middle {
			t.Fatalf("not up, down, up: %s", events)
		}
	}
	a.say("peer 2 1 after the break")
	if got := b.line(); got != "from 1 on route: after the break" {
		t.Fatalf("got %q", got)
	}
}

func TestAPeerThatStopsGoesDownAndComesBackUp(t *testing.T) {
	servers := testCluster(t, 2, Limits{})
	a := dialUser(t, servers[0].Addr().String())
	awaitUp(t, a, 2)
	addr, dir := servers[1].PeerAddr().String(), servers[1].cfg.Dir
	if err := servers[1].Stop(); err != nil {
		t.Fatal(err)
	}
	awaitEvent(t, a, "peer-down 2 raft")
	awaitEvent(t, a, "peer-down 2 route")
	again := testServer(t, Config{
		Node: 2, Dir: dir, PeerListen: addr, Cluster: "toys",
		Peers: map[machine.NodeID]string{1: servers[0].PeerAddr().String()},
	})
	b := dialUser(t, again.Addr().String())
	awaitUp(t, b, 1)
	b.say("peer 1 0 ping back")
	if got := b.line(); got != "from 1 on raft: pong back" {
		t.Fatalf("got %q", got)
	}
}

// deafPeer answers a server's dial for one link and then reads nothing. It returns the
// connection and whose link it is.
func deafPeer(t *testing.T, l net.Listener, node machine.NodeID, cluster string, want machine.Link) net.Conn {
	t.Helper()
	for {
		nc, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		h, err := readHello(nc)
		if err != nil {
			t.Fatal(err)
		}
		if h.link != want {
			nc.Close()
			continue
		}
		if err := writeHello(nc, hello{h.link, node, h.from, clusterHash(cluster)}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		return nc
	}
}

func TestAFullRaftLinkDropsWholeFramesAndStaysUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := testServer(t, Config{
		PeerListen: "127.0.0.1:0", Peers: map[machine.NodeID]string{2: l.Addr().String()},
		Limits: Limits{MaxRaftPending: 1 << 20},
	})
	nc := deafPeer(t, l, 2, "", machine.RaftLink)
	u := dialUser(t, s.Addr().String())
	awaitEvent(t, u, "peer-up 2 raft")
	const n = 400
	pad := strings.Repeat("p", 100000)
	for i := range n {
		u.say("peer 2 0 %04d%s", i, pad)
	}
	u.want("sent", "echo sent")
	s.mu.Lock()
	link := s.links[linkKey{2, machine.RaftLink}]
	dropped, over := link.dropped, link.cur.over(1<<20)
	s.mu.Unlock()
	if dropped == 0 || dropped >= n || over {
		t.Fatalf("%d of %d frames were dropped; is more queued than allowed: %v", dropped, n, over)
	}
	last := -1
	for range n - int(dropped) {
		var head [frameHead]byte
		if _, err := io.ReadFull(nc, head[:]); err != nil {
			t.Fatal(err)
		}
		frame := make([]byte, binary.LittleEndian.Uint32(head[:]))
		if _, err := io.ReadFull(nc, frame); err != nil {
			t.Fatal(err)
		}
		i := number(string(frame[:4]))
		if i <= last || len(frame) != 4+len(pad) {
			t.Fatalf("frame %d of %d bytes after frame %d", i, len(frame), last)
		}
		last = i
	}
	if events := awaitEvent(t, u, "peer-up 2 raft"); strings.Contains(events, "peer-down") {
		t.Fatalf("the link went down: %s", events)
	}
}

func TestADeafPeerIsReportedAsItsBacklogGrows(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := testServer(t, Config{PeerListen: "127.0.0.1:0", Peers: map[machine.NodeID]string{2: l.Addr().String()}})
	deafPeer(t, l, 2, "", machine.RouteLink)
	u := dialUser(t, s.Addr().String())
	awaitEvent(t, u, "peer-up 2 route")
	pad := strings.Repeat("p", 1<<20)
	for range 40 {
		u.say("peer 2 1 %s", pad)
	}
	events := awaitEvent(t, u, "peer-drained 2 route")
	if n := strings.Count(events, "peer-drained 2 route"); n < 5 {
		t.Fatalf("%d reports while some 40 MB gathered: %s", n, events)
	}
}

func TestAFullRouteLinkIsBroken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := testServer(t, Config{
		PeerListen: "127.0.0.1:0", Peers: map[machine.NodeID]string{2: l.Addr().String()},
		Limits: Limits{MaxRoutePending: 1 << 20},
	})
	deafPeer(t, l, 2, "", machine.RouteLink)
	u := dialUser(t, s.Addr().String())
	awaitEvent(t, u, "peer-up 2 route")
	pad := strings.Repeat("p", 100000)
	for range 400 {
		u.say("peer 2 1 %s", pad)
	}
	u.want("sent", "echo sent")
	s.mu.Lock()
	cur := s.links[linkKey{2, machine.RouteLink}].cur
	s.mu.Unlock()
	if cur != nil && !cur.isDead() {
		t.Fatal("the route session lives on with frames missing")
	}
	awaitEvent(t, u, "peer-down 2 route")
}

// callAs connects to a server as a node, and returns the connection.
func callAs(t *testing.T, s *Server, node machine.NodeID, kind machine.Link) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", s.PeerAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(timeIn(deadline))
	if err := writeHello(nc, hello{kind, node, s.cfg.Node, s.cluster}); err != nil {
		t.Fatal(err)
	}
	if _, err := readHello(nc); err != nil {
		t.Fatal(err)
	}
	return nc
}

// lonely is node 2, whose peer 1 is played by the test.
func lonely(t *testing.T) *Server {
	t.Helper()
	return testServer(t, Config{Node: 2, PeerListen: "127.0.0.1:0", Peers: map[machine.NodeID]string{1: closedPort(t)}})
}

func TestANewSessionEndsTheFormerOneFirst(t *testing.T) {
	s := lonely(t)
	u := dialUser(t, s.Addr().String())
	old := callAs(t, s, 1, machine.RaftLink)
	awaitEvent(t, u, "peer-up 1 raft")
	callAs(t, s, 1, machine.RaftLink)
	awaitEvent(t, u, "peer-up 1 raft; peer-down 1 raft; peer-up 1 raft")
	if _, err := io.ReadAll(old); errors.Is(err, errDeadline) {
		t.Fatal("the former connection is still open")
	}
	if events := u.ask("events"); strings.Count(events, "peer-down") != 1 {
		t.Fatalf("down more than once: %s", events)
	}
}

func TestNothingArrivesFromALinkThatTheMachineHasBroken(t *testing.T) {
	s := lonely(t)
	u := dialUser(t, s.Addr().String())
	nc := callAs(t, s, 1, machine.RouteLink)
	var both []byte
	for _, text := range []string{"break this link", "too late"} {
		both = binary.LittleEndian.AppendUint32(both, uint32(len(text)))
		both = append(both, text...)
	}
	nc.Write(both) // one read, one turn
	if got := u.line(); got != "from 1 on route: break this link" {
		t.Fatal(got)
	}
	for events := ""; !strings.Contains(events, "peer-down 1 route"); {
		if events = u.ask("events"); strings.Contains(events, "too late") {
			t.Fatal("a frame behind the break was handed in")
		}
	}
}

func TestQueuedBytesThatBelongToOthersAreNotWrittenTo(t *testing.T) {
	shared := bytes.Repeat([]byte("s"), 8000)
	var q outq
	q.put(shared[:4000])
	q.put([]byte("small"))
	q.take(&machine.ConnBuf{B: []byte("smaller")})
	if !bytes.Equal(shared, bytes.Repeat([]byte("s"), 8000)) {
		t.Fatal("queueing wrote behind a piece that it was lent")
	}
}

func TestAStrangerIsRefused(t *testing.T) {
	servers := testCluster(t, 2, Limits{})
	ours := clusterHash("toys")
	good := hello{machine.RaftLink, 1, 2, ours}
	for name, greeting := range map[string][]byte{
		"another protocol":     []byte("GET / HTTP/1.1\r\nHost: somewhere\r\n"),
		"another version":      bytes.Replace(good.bytes(), []byte{helloVersion, 0, 0, 0}, []byte{helloVersion + 1, 0, 0, 0}, 1),
		"an unknown node":      hello{machine.RaftLink, 9, 2, ours}.bytes(),
		"another cluster":      hello{machine.RaftLink, 1, 2, ours + 1}.bytes(),
		"meant for another":    hello{machine.RaftLink, 1, 3, ours}.bytes(),
		"no such link":         hello{machine.Links, 1, 2, ours}.bytes(),
		"this node, to itself": hello{machine.RaftLink, 2, 2, ours}.bytes(),
	} {
		nc, err := net.Dial("tcp", servers[1].PeerAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(timeIn(deadline))
		nc.Write(greeting)
		if n, _ := nc.Read(make([]byte, 64)); n != 0 {
			t.Errorf("%s was answered with %d bytes", name, n)
		}
		nc.Close()
	}
}

func FuzzFramesAreCutAsTheyWerePutTogether(f *testing.F) {
	f.Add([]byte{3, 0, 0, 0, 'a', 'b', 'c', 0, 0, 0, 0, 1, 0, 0, 0, 'z'}, uint8(2))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, cut uint8) {
		in := frameReader{max: 1 << 20}
		src := &shortReader{stream, int(cut%16) + 1}
		var rebuilt []byte
		for {
			p, err := in.next()
			if err == nil && p == nil {
				err = in.fill(src)
			}
			if err != nil {
				break
			}
			if p != nil {
				rebuilt = binary.LittleEndian.AppendUint32(rebuilt, uint32(len(p)))
				rebuilt = append(rebuilt, p...)
			}
		}
		if !bytes.HasPrefix(stream, rebuilt) {
			t.Fatalf("%x was cut into %x", stream, rebuilt)
		}
	})
}

type shortReader struct {
	b []byte
	n int
}

func (r *shortReader) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.b[:min(r.n, len(r.b))])
	r.b = r.b[n:]
	return n, nil
}
