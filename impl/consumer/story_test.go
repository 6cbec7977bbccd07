package consumer

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	config "github.com/brokerlab/brokerlab/model/consumer"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/subject"
)

// TestStories runs the transcripts in testdata: what a leader decides, step by step. Times are milliseconds.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &story{now: 1}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.said.Reset()
			if err := s.run(d); err != nil {
				return "error: " + err.Error() + "\n"
			}
			if s.said.Len() == 0 {
				return "(nothing)\n"
			}
			return s.said.String()
		})
	})
}

// story is a consumer, its leader and a stream without a broker.
type story struct {
	said  strings.Builder
	now   machine.Mono
	cfg   *config.Config
	mode  Mode
	state *State
	l     *Leader
	subj  []string // of message i+1; "": gone
	times []int64
	deaf  map[string]bool
	log   []Take
	size  int  // bytes of a message: 10 unless said
	held  bool // what is to be sent does not leave
}

// The story as Messages.

func (s *story) Next(from uint64, filters []string) (uint64, bool) {
	for seq := max(from, 1); seq <= uint64(len(s.subj)); seq++ {
		if s.names(seq, filters) {
			return seq, true
		}
	}
	return 0, false
}

func (s *story) names(seq uint64, filters []string) bool {
	name := s.subj[seq-1]
	if name == "" || len(filters) == 0 {
		return name != ""
	}
	for _, f := range filters {
		if subject.Match(f, name) {
			return true
		}
	}
	return false
}

func (s *story) Count(from uint64, filters []string) (n uint64) {
	for seq, ok := s.Next(from, filters); ok; seq, ok = s.Next(seq+1, filters) {
		n++
	}
	return n
}

func (s *story) Size(uint64) int              { return s.size }
func (s *story) Stamp(seq uint64) int64       { return s.times[seq-1] }
func (s *story) Last() uint64                 { return uint64(len(s.subj)) }
func (s *story) Wanted(to, group string) bool { return !s.deaf[to] }

func (s *story) run(d *datadriven.TestData) error {
	var out Out
	arg := func(name string) (v string) {
		for _, a := range d.CmdArgs {
			if a.Key == name && len(a.Vals) > 0 {
				v = a.Vals[0]
			}
		}
		return v
	}
	num := func(name string) uint64 { n, _ := strconv.ParseUint(arg(name), 10, 64); return n }
	switch d.Cmd {
	case "new":
		if s.size = int(num("size")); s.size == 0 {
			s.size = 10
		}
		return s.begin(d.Input, arg("mode"), num("after"))
	case "publish":
		for range max(num("n"), 1) {
			s.subj, s.times = append(s.subj, d.CmdArgs[0].Key), append(s.times, int64(s.now))
			if s.l != nil && s.names(s.Last(), s.cfg.Filters()) {
				s.l.Stored(s.Last())
			}
		}
	case "pull":
		s.l.Pull(s.now, d.CmdArgs[0].Key, []byte(d.Input), &out)
	case "wait":
		n, err := strconv.ParseInt(d.CmdArgs[0].Key, 10, 64)
		if err != nil {
			return err
		}
		s.now += machine.Mono(n * ms)
		s.l.Tick(s.now, &out)
	case "apply":
		for ; len(s.log) > 0; s.log = s.log[1:] {
			made, ok := Delivery{}, false
			if s.subj[s.log[0].Seq-1] != "" {
				made, ok = s.state.Deliver(s.log[0].Seq, s.log[0].Again)
			}
			s.l.Handed(s.now, s.log[0].Seq, made, ok, &out)
		}
	case "ack", "term":
		done, verdict := s.state.Ack(nil, num("seq"), max(num("count"), 1), map[string]string{"ack": WhyAck, "term": WhyTerm}[d.Cmd], true)
		fmt.Fprintln(&s.said, [...]string{"stale", "again", "ok"}[verdict])
		s.settled(done)
	case "nak":
		s.l.Nak(s.now, num("seq"), max(num("count"), 1), int64(num("delay"))*ms, true, &out)
	case "progress":
		s.l.Progress(s.now, num("seq"), max(num("count"), 1), true)
	case "remove":
		seq := num("seq")
		named := s.names(seq, s.cfg.Filters())
		s.subj[seq-1] = ""
		s.l.Removed(seq, named)
		s.settled(s.state.Remove(nil, seq))
	case "deaf", "hear":
		s.deaf[d.CmdArgs[0].Key] = d.Cmd == "deaf"
		s.l.Listened(s.now)
	case "hold":
		s.held = true
	case "sent":
		s.held = false
		s.l.Sent(s.now, Delivery{Seq: num("seq"), Count: max(num("count"), 1)})
	case "configure":
		r, why := config.Parse([]byte(`{"config":` + d.Input + `}`))
		if why != nil {
			return why
		}
		r.Config.Defaults()
		s.cfg = &r.Config
		s.l.Reconfigure(s.now, s.cfg)
	case "flowed":
		s.l.Flowed(d.CmdArgs[0].Key)
	case "close":
		s.l.Close("Leadership Change", &out)
	case "state":
		fmt.Fprintf(&s.said, "delivered %v floor %v pending %d redelivered %d to come %d waiting %d\n",
			s.state.Delivered, s.state.Floor, s.state.Pending(), s.state.Redelivered(), s.l.NumPending(), s.l.NumWaiting())
		return nil
	default:
		return fmt.Errorf("unknown command %q", d.Cmd)
	}
	if s.l != nil {
		s.l.Gather(s.now, &out)
		s.say(&out)
	}
	return nil
}

func (s *story) begin(request, mode string, after uint64) error {
	r, why := config.Parse([]byte(`{"config":` + request + `}`))
	if why != nil {
		return why
	}
	r.Config.Defaults()
	s.cfg, s.log, s.deaf = &r.Config, nil, map[string]bool{}
	s.mode = map[string]Mode{"": LogBefore, "after": LogAfter, "none": NoLog}[mode]
	s.state = NewState(s.cfg.AckPolicy, Begin{After: after})
	s.l = NewLeader(s.now, "S", "C", s.cfg, s.mode, s.state, s, Bugs{})
	return nil
}

func (s *story) settled(done []Settled) {
	for _, d := range done {
		fmt.Fprintf(&s.said, "settled %d by %s\n", d.Seq, d.Why)
		s.l.Settled(d)
	}
}

func (s *story) say(out *Out) {
	for _, t := range out.Takes {
		fmt.Fprintf(&s.said, "to be logged: %d%s\n", t.Seq, map[bool]string{true: " again"}[t.Again])
	}
	s.log = append(s.log, out.Takes...)
	for _, x := range out.Sends {
		switch st := x.Status; {
		case st == nil:
			fmt.Fprintf(&s.said, "-> %s: message %d, delivery %d, number %d, %d to come\n", x.To, x.Seq, x.Count, x.CSeq, x.Pending)
			if !s.held {
				s.l.Sent(s.now, x.Delivery)
			}
		default:
			words := append([]string{st.Text}, st.Fields...)
			if x.Reply != "" {
				words = append(words, "to be answered at", x.Reply)
			}
			fmt.Fprintf(&s.said, "-> %s: %d %s\n", x.To, st.Code, strings.Join(words, " "))
		}
	}
	for _, d := range out.Spent {
		fmt.Fprintf(&s.said, "to be logged: %d is spent after %d\n", d.Seq, d.Count)
		if s.mode == NoLog {
			s.settled(s.state.Spend(nil, d.Seq, d.Count, false))
		}
	}
	if out.Delete {
		fmt.Fprintln(&s.said, "nobody uses it")
	}
}
