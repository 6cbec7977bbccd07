package drive

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/brokerlab/brokerlab/model/machine"
)

func TestAMachineAnswersOnTheConnectionThatAsked(t *testing.T) {
	s := testServer(t, Config{})
	a, b := dialUser(t, s.Addr().String()), dialUser(t, s.Addr().String())
	a.want("one", "echo one")
	b.want("two", "echo two")
	a.say("all three")
	if a.line() != "three" || b.line() != "three" {
		t.Fatal("a line for all did not reach both")
	}
}

func TestAClosedConnectionReceivesWhatWasWrittenBefore(t *testing.T) {
	s := testServer(t, Config{})
	u := dialUser(t, s.Addr().String())
	u.say("blast 3000000\nclose\necho never")
	u.nc.SetReadDeadline(time.Now().Add(deadline))
	all, err := io.ReadAll(u.nc)
	if err != nil || len(all) != 3000000+len("bye\n") || !strings.HasSuffix(string(all), "xbye\n") {
		t.Fatalf("read %d bytes and %v, want all 3000000 and the farewell", len(all), err)
	}
}

func TestWhatWaitsForAConnectionThatIsCutIsDroppedAtOnce(t *testing.T) {
	s := testServer(t, Config{})
	u, v := dialUser(t, s.Addr().String()), dialUser(t, s.Addr().String())
	u.say("blast 30000000")
	awaitEvent(t, v, "drained "+u.id)
	s.mu.Lock()
	q := &s.conns[machine.ConnID(number(u.id))].outq
	s.mu.Unlock()
	u.say("cut\necho never")
	u.nc.SetReadDeadline(time.Now().Add(deadline))
	if n, err := io.Copy(io.Discard, u.nc); errors.Is(err, errDeadline) || n >= 30000000 {
		t.Fatalf("%d bytes of 30000000 arrived, then %v", n, err)
	}
	if n := v.ask("events"); strings.Contains(n, "closed "+u.id) {
		t.Fatalf("the machine was told of an end that it made itself: %s", n)
	}
	if q.over(0) || !q.isDead() {
		t.Fatal("something still waits for the connection")
	}
}

func TestTheMachineLearnsOfAnOrderlyEndAndOfAReset(t *testing.T) {
	s := testServer(t, Config{})
	u, v, w := dialUser(t, s.Addr().String()), dialUser(t, s.Addr().String()), dialUser(t, s.Addr().String())
	v.nc.Close()
	awaitEvent(t, u, "closed "+v.id+" <nil>")
	w.nc.(*net.TCPConn).SetLinger(0)
	w.nc.Close()
	awaitEvent(t, u, "closed "+w.id+" connection reset")
}

// awaitEvent asks until the machine has noted want. Each question is answered in turn, so
// this waits for the machine and not for a clock.
func awaitEvent(t *testing.T, u *user, want string) string {
	t.Helper()
	for end := time.Now().Add(deadline); time.Now().Before(end); {
		if got := u.ask("events"); strings.Contains(got, want) {
			return got
		}
	}
	t.Fatalf("no %q among the machine's events: %s", want, u.ask("events"))
	return ""
}

func TestAPausedConnectionIsNotReadUntilItIsResumed(t *testing.T) {
	s := testServer(t, Config{})
	a, b := dialUser(t, s.Addr().String()), dialUser(t, s.Addr().String())
	b.want("pause done", "pause %s", a.id)
	a.say("all from a")
	for range 20 { // the machine is stepped many times, and a's line is not among its inputs
		b.want("still here", "echo still here")
	}
	b.want("go done", "go %s", a.id)
	if got := b.line(); got != "from a" {
		t.Fatalf("got %q after resuming", got)
	}
}

func TestAPausedConnectionCanBeClosedAndTheServerStopped(t *testing.T) {
	s := testServer(t, Config{})
	a, b := dialUser(t, s.Addr().String()), dialUser(t, s.Addr().String())
	a.want("pause done", "pause %s", a.id)
	b.want("pause done", "pause %s", b.id)
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop() }()
	a.wantEnd()
	b.wantEnd()
	select {
	case err := <-stopped:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(deadline):
		t.Fatal("the server did not stop")
	}
}

func TestASlowReaderIsReportedAsItDrainsAndTheLastReportIsZero(t *testing.T) {
	s := testServer(t, Config{})
	slow, u := dialUser(t, s.Addr().String()), dialUser(t, s.Addr().String())
	slow.say("blast 30000000")
	events := awaitEvent(t, u, "drained "+slow.id)
	if strings.Contains(events, "drained "+slow.id+" 0") {
		t.Fatalf("nothing was read, and yet all of it left: %s", events)
	}
	slow.nc.SetReadDeadline(time.Now().Add(deadline))
	if n, err := io.CopyN(io.Discard, slow.nc, 30000000); err != nil {
		t.Fatalf("%d bytes, then %v", n, err)
	}
	events = awaitEvent(t, u, "drained "+slow.id+" 0")
	if n := strings.Count(events, "drained "); n < 4 {
		t.Fatalf("%d reports while 30 MB drained, want one for each halving: %s", n, events)
	}
	slow.want("and on", "echo and on")
}

func TestASlowReaderIsReportedAsItsBacklogGrows(t *testing.T) {
	s := testServer(t, Config{})
	slow, u := dialUser(t, s.Addr().String()), dialUser(t, s.Addr().String())
	slow.say("blast 12000000")
	awaitEvent(t, u, "drained "+slow.id)
	for range 6 { // nothing is read meanwhile
		slow.say("blast 10000000")
	}
	for end := time.Now().Add(deadline); ; {
		largest := 0
		events := u.ask("events")
		for _, e := range strings.Split(events, "drained "+slow.id+" ")[1:] {
			digits, _, _ := strings.Cut(strings.TrimSpace(e), " ")
			largest = max(largest, number(strings.TrimRight(digits, ",;]")))
		}
		if largest > 48<<20 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("72 MB were written to who reads nothing, and the machine knows of %d bytes: %s", largest, events)
		}
	}
}

func TestASlowReaderThatTheMachineLetsGrowIsClosedAtTheDriversLimit(t *testing.T) {
	s := testServer(t, Config{Limits: Limits{MaxConnPending: 1 << 20}})
	slow, u := dialUser(t, s.Addr().String()), dialUser(t, s.Addr().String())
	slow.say("blast 20000000") // within one step: more than the limit waits at once
	awaitEvent(t, u, "closed "+slow.id+" "+errPending.Error())
	slow.nc.SetReadDeadline(time.Now().Add(deadline))
	if n, err := io.Copy(io.Discard, slow.nc); n > 19000000 {
		t.Fatalf("%d bytes arrived (%v), although the connection was closed", n, err)
	}
}

func TestManyMegabytesInBothDirectionsArriveInOrder(t *testing.T) {
	s := testServer(t, Config{})
	u := dialUser(t, s.Addr().String())
	const lines = 20000
	go func() {
		for i := range lines {
			u.say("echo %d %s", i, strings.Repeat("y", 400))
		}
	}()
	for i := range lines {
		if got, n, _ := strings.Cut(u.line(), " "); got != itoa(i) || len(n) != 400 {
			t.Fatalf("line %d is %q and %d bytes", i, got, len(n))
		}
	}
}

func TestMoreClientsThanMaxConnsAreRefused(t *testing.T) {
	s := testServer(t, Config{Limits: Limits{MaxConns: 2}})
	a := dialUser(t, s.Addr().String())
	dialUser(t, s.Addr().String())
	nc, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetReadDeadline(time.Now().Add(deadline))
	if n, err := nc.Read(make([]byte, 1)); n != 0 || errors.Is(err, errDeadline) {
		t.Fatalf("read %d, %v: want a refusal", n, err)
	}
	a.want("served", "echo served")
}

func TestADialOpensAConnectionOrReportsThatItIsRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := testServer(t, Config{Clients: clientMap(7, l.Addr().String(), 8, closedPort(t))})
	u := dialUser(t, s.Addr().String())
	u.want("dialled open <nil>", "dial 7")
	u.want("dialled closed connection refused", "dial 8")
	u.want("dialled closed connection refused", "dial 9")
}

func TestAPanicInAStepEndsTheServerWithItsNumbers(t *testing.T) {
	s := testServer(t, Config{})
	u := dialUser(t, s.Addr().String())
	u.say("boom")
	select {
	case <-s.Failed():
	case <-time.After(deadline):
		t.Fatal("the server runs on")
	}
	err := s.Stop()
	var broken *PanicError
	if !errors.As(err, &broken) || !strings.Contains(err.Error(), "1 is not 2") || !strings.Contains(string(broken.Stack), "verb") {
		t.Fatalf("stopped with %v", err)
	}
}

func TestATimerFiresAndAnsweringIsPossible(t *testing.T) {
	s := testServer(t, Config{})
	u := dialUser(t, s.Addr().String())
	u.say("after 60000 never")
	u.want("set", "echo set") // so that the next are set while the wake-up is far away
	u.say("after 30 second\nafter 1 first")
	if a, b := u.line(), u.line(); a != "first" || b != "second" {
		t.Fatalf("timers fired as %q, %q", a, b)
	}
}
