package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/machine"
)

// story is a world under construction and what is to be told of it.
type story struct {
	cfg     Config
	brokers int
	scripts [][]saying
	world   *World
	out     strings.Builder
}

func (s *story) line(t Time, who, format string, args ...any) {
	fmt.Fprintf(&s.out, "%8d.%d ms %-6s %s\n", t/millisecond, t/100_000%10, who, fmt.Sprintf(format, args...))
}

func (s *story) hooks() Hooks {
	name := func(n machine.NodeID) string {
		if n < FirstClient {
			return fmt.Sprintf("n%d", n)
		}
		return fmt.Sprintf("c%d", n-FirstClient+1)
	}
	return Hooks{
		Observe: func(t Time, n machine.NodeID, o *machine.Observation) {
			if o.Kind == machine.Note {
				s.line(t, name(n), "%s", o.Why)
			} else {
				s.line(t, name(n), "%s of %s in term %d", o.Kind, o.Stream, o.Term)
			}
		},
		Fault: func(t Time, f *faults.Fault, on bool) {
			s.line(t, map[bool]string{true: "fault", false: "over"}[on], "%s", f)
		},
		Healed: func(t Time) { s.line(t, "healed", "") },
		Down: func(t Time, n machine.NodeID, why string) {
			first, _, _ := strings.Cut(why, "\n")
			s.line(t, name(n), "is down: %s", first)
		},
		Harmed: func(t Time, n machine.NodeID, what string) { s.line(t, name(n), "disk: %s", what) },
		Up:     func(t Time, n machine.NodeID) { s.line(t, name(n), "is up") },
	}
}

// begin makes the world when it is first needed.
func (s *story) begin(t *testing.T) {
	if s.world != nil {
		return
	}
	for id := 1; id <= s.brokers; id++ {
		s.cfg.Processes = append(s.cfg.Processes, Process{ID: machine.NodeID(id), Boot: bootRelay(machine.NodeID(id)), Broker: true})
	}
	for i, script := range s.scripts {
		slices.SortStableFunc(script, func(a, b saying) int { return int(a.at - b.at) })
		s.cfg.Processes = append(s.cfg.Processes, Process{ID: FirstClient + machine.NodeID(i), Boot: bootTalker(script)})
	}
	s.cfg.Hooks = s.hooks()
	w, err := New(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.world = w
}

// TestStories tells what the world does to programs. Commands: world (brokers=, clients=,
// seed=, and settings of the network), plan (text of faults), say (lines "TIME cK nK words"),
// run (until=TIME; of=NAMES, without= words that are left out).
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		var s *story
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "world":
				s = newStory(t, d)
			case "plan":
				plan, err := faults.Parse("plan v1\n" + d.Input)
				if err != nil {
					t.Fatal(err)
				}
				s.cfg.Plan = plan
			case "say":
				for _, line := range strings.Split(d.Input, "\n") {
					s.say(t, line)
				}
			case "run":
				s.begin(t)
				return s.run(t, d)
			case "executed":
				return s.world.Executed().String()
			default:
				t.Fatalf("unknown command %s", d.Cmd)
			}
			return "ok"
		})
	})
}

func newStory(t *testing.T, d *datadriven.TestData) *story {
	s := &story{}
	clients, seed, kib := 1, 1, 0
	s.brokers = 1
	d.MaybeScanArgs(t, "brokers", &s.brokers)
	d.MaybeScanArgs(t, "clients", &clients)
	d.MaybeScanArgs(t, "seed", &seed)
	d.MaybeScanArgs(t, "window-kib", &kib)
	s.cfg.Network.Window, s.cfg.Network.PeerWindow = int64(kib)<<10, int64(kib)<<10
	kib = 0
	d.MaybeScanArgs(t, "queue-kib", &kib)
	s.cfg.Network.RaftQueue, s.cfg.Network.RouteQueue = int64(kib)<<10, int64(kib)<<10
	kib = 0
	d.MaybeScanArgs(t, "backlog-kib", &kib)
	s.cfg.Network.MaxBacklog = int64(kib) << 10
	s.cfg.Network.Datagrams = d.HasArg("datagrams")
	s.cfg.Seed = uint64(seed)
	s.scripts = make([][]saying, clients)
	return s
}

// say reads "TIME cK nK words".
func (s *story) say(t *testing.T, line string) {
	f := strings.SplitN(line, " ", 4)
	at, err := faults.ParseDuration(f[0])
	if err != nil {
		t.Fatal(err)
	}
	client := atoi(f[1][1:]) - 1
	s.scripts[client] = append(s.scripts[client], saying{at, machine.NodeID(atoi(f[2][1:])), f[3]})
}

func (s *story) run(t *testing.T, d *datadriven.TestData) string {
	var until string
	var of, without []string
	d.ScanArgs(t, "until", &until)
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "of":
			of = a.Vals
		case "without":
			without = a.Vals
		}
	}
	at, err := faults.ParseDuration(until)
	if err != nil {
		t.Fatal(err)
	}
	s.out.Reset()
	s.world.RunUntil(at)
	var out strings.Builder
	for _, line := range strings.SplitAfter(s.out.String(), "\n") {
		has := func(word string) bool { return strings.Contains(line, word) }
		who := ""
		if f := strings.Fields(line); len(f) > 2 {
			who = f[2]
		}
		if (of == nil || slices.Contains(of, who)) && !slices.ContainsFunc(without, has) {
			out.WriteString(line)
		}
	}
	if out.Len() == 0 {
		return "(nothing)"
	}
	return out.String()
}
