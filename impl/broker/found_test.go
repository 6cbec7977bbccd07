package broker

import (
	"fmt"
	"strings"
	"testing"
	"testing/cryptotest"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Bugs that were found once, each by the events that showed it.

// single is a broker of one node, driven by hand.
func single(t *testing.T, change func(*Config)) *story {
	t.Helper()
	cryptotest.SetGlobalRandom(t, 7)
	s := &story{files: map[string][]byte{}, synced: map[string]int{}, conns: map[string]*machine.ConnBuf{}}
	s.cfg = Config{Node: 1, Nodes: []machine.NodeID{1}, Observe: true, Switches: mustProfile(t, "reference")}
	if change != nil {
		change(&s.cfg)
	}
	s.bootAgain(t)
	return s
}

func (s *story) bootAgain(t *testing.T) {
	t.Helper()
	s.fx, s.disk = machine.Effects{}, nil
	s.env = machine.Env{Wall: 1, Choices: noChoices{}}
	m, err := Boot(s.cfg)(&s.env, image{s.files}, &s.fx)
	require.NoError(t, err)
	s.m = m
	s.effects()
}

func (s *story) open(subscribe string) *machine.ConnBuf {
	s.nextID++
	out := &machine.ConnBuf{ID: s.nextID}
	s.step(&machine.Input{Kind: machine.ConnOpened, Conn: out.ID, Out: out})
	s.bytes(out, "CONNECT {\"verbose\":false}\r\nSUB "+subscribe+" 1\r\n")
	return out
}

func (s *story) bytes(c *machine.ConnBuf, b string) {
	s.step(&machine.Input{Kind: machine.ConnBytes, Conn: c.ID, Bytes: []byte(b)})
}

// finishOne lets the oldest disk operation finish; false if there is none.
func (s *story) finishOne() bool {
	if len(s.disk) == 0 {
		return false
	}
	op := s.disk[0]
	s.disk = s.disk[1:]
	in := &machine.Input{Kind: machine.DiskDone, Token: op.Token}
	s.perform(&op, in)
	if op.Token != 0 {
		s.step(in)
	}
	return true
}

func (s *story) tickOnce() {
	s.env.Mono += 100 * ms
	s.step(&machine.Input{Kind: machine.TimerFired, Timer: machine.TimerKey{Kind: timerTick}})
}

func (s *story) quiet(ticks int) {
	for range ticks {
		for s.finishOne() {
		}
		s.tickOnce()
	}
	for s.finishOne() {
	}
}

func (s *story) create(c *machine.ConnBuf, names ...string) {
	var b strings.Builder
	for _, name := range names {
		cfg := fmt.Sprintf(`{"name":%q}`, name)
		fmt.Fprintf(&b, "PUB $JS.API.STREAM.CREATE.%s %d\r\n%s\r\n", name, len(cfg), cfg)
	}
	s.bytes(c, b.String())
	s.quiet(5)
}

func TestWhatFollowsInTheReadThatCutAConnectionIsIgnored(t *testing.T) {
	s := single(t, func(c *Config) { c.MaxPending = 64 })
	c := s.open("a")
	s.bytes(c, "PUB a 80\r\n"+strings.Repeat("x", 80)+"\r\nSUB b 2\r\nPUB a 1\r\nx\r\nUNSUB 1\r\nPING\r\n")
	require.Contains(t, s.out.String(), "(connection: Slow Consumer)")
	require.Contains(t, s.out.String(), "close c1")
	require.NotContains(t, s.out.String(), "PONG")
	require.Empty(t, s.m.(*Broker).conns)
}

func TestStreamsMadeByOneEntryHaveGroupsOfTheirOwn(t *testing.T) {
	s := single(t, nil)
	s.quiet(5)
	var names []string
	for i := range 300 {
		names = append(names, fmt.Sprintf("S%d", i))
	}
	s.create(s.open("x"), names...)
	seen := map[uint64]string{}
	for _, a := range s.m.(*Broker).groupByID(metaGroup).state.(*metaState).streams {
		require.Empty(t, seen[a.Group], "%s has the group of another", a.Config.Name)
		seen[a.Group] = a.Config.Name
	}
	require.Len(t, seen, 300)
}

// A group of one confirms reads at once, with the commit index that came back from disk, and that one may lag.
func TestARestartedSingleNodeAnswersNoReadFromBeforeItsOwnTerm(t *testing.T) {
	s := single(t, nil)
	s.quiet(5)
	c := s.open("in")
	s.create(c, "S")
	for range 3 {
		s.bytes(c, "PUB S in 2\r\nhi\r\n")
		s.quiet(0)
	}
	require.Contains(t, s.out.String(), `"seq":3`)
	for name, b := range s.files { // power is lost
		s.files[name] = b[:s.synced[name]]
	}
	s.bootAgain(t)
	c = s.open("in")
	answered := false
	for range 200 {
		s.out.Reset()
		s.bytes(c, "PUB $JS.API.STREAM.MSG.GET.S in 9\r\n{\"seq\":3}\r\n")
		if !s.finishOne() {
			s.tickOnce()
		}
		require.NotContains(t, s.out.String(), "no message found")
		answered = answered || strings.Contains(s.out.String(), `"seq":3`)
	}
	require.True(t, answered)
}

// The files of a deleted stream must not go before the log says that it is deleted: what is left would look
// like a loss.
func TestACrashWhileAStreamIsDeletedLooksLikeNoLoss(t *testing.T) {
	for _, profile := range Profiles() {
		t.Run(profile, func(t *testing.T) {
			s := single(t, func(c *Config) { c.Switches, c.TailBytes, c.KeepBytes = mustProfile(t, profile), 200, 100 })
			s.quiet(20)
			c := s.open("in")
			s.create(c, "S")
			for range 20 {
				s.bytes(c, "PUB S in 20\r\nhihihihihihihihihihi\r\n")
				s.quiet(0)
			}
			s.bytes(c, "PUB $JS.API.STREAM.DELETE.S in 0\r\n\r\n")
			for !strings.Contains(s.out.String(), "success") {
				require.True(t, s.finishOne())
			}
			for len(s.disk) > 0 && !strings.HasPrefix(s.disk[0].File, "wal/") {
				s.finishOne()
			}
			for name, b := range s.files {
				if strings.HasPrefix(name, "wal/") {
					s.synced[name] = len(b)
				}
			}
			for range 3 {
				s.out.Reset()
				s.bootAgain(t)
				s.quiet(30)
				require.NotContains(t, s.out.String(), "damaged")
				require.Empty(t, s.m.(*Broker).groupByID(metaGroup).state.(*metaState).streams)
			}
		})
	}
}

func TestADamagedLogKeepsItsNodeOutOfEveryGroup(t *testing.T) {
	s := single(t, func(c *Config) { c.TailBytes, c.KeepBytes = 100, 1 })
	s.quiet(20)
	c := s.open("in")
	s.create(c, "S", "T") // S never stores anything, and so has no files
	for range 5 {
		s.bytes(c, "PUB T 20\r\nhihihihihihihihihihi\r\n")
		s.quiet(0)
	}
	log := s.files["wal/0000000000000001.log"]
	log[len(log)/3] ^= 0xff
	s.bootAgain(t)
	require.NotEmpty(t, s.m.(*Broker).damage)
	for _, g := range s.m.(*Broker).groups {
		require.NotEmpty(t, g.absent, "group %d", g.id)
	}
}
