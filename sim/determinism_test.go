package sim

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/machine"
)

// childRun makes the test binary print the hash of a run instead of testing.
const childRun = "SIM_TEST_HASH"

func TestMain(m *testing.M) {
	if os.Getenv(childRun) != "" {
		for seed := uint64(1); seed <= 3; seed++ {
			w, err := New(wild(seed))
			if err != nil {
				panic(err)
			}
			w.RunUntil(20 * second)
			fmt.Println(w.Hash(), w.Stats().Events)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// wild is a world with everything in it: relays and talkers under a drawn plan.
func wild(seed uint64) Config {
	cfg := Config{Seed: seed}
	for id := machine.NodeID(1); id <= 3; id++ {
		cfg.Processes = append(cfg.Processes, Process{ID: id, Broker: true, Boot: bootRelay(id), DriftPPM: int64(id) * 50, ClockOffset: int64(id) * millisecond})
	}
	words := []string{"echo a%d", "put b%d", "post c%d", "send n%d raft x", "send n%d route y", "flood n%d route 70000", "blast 9%d000", "timer 10%d", "lead %d", "close %d"}
	for c := range 4 {
		var script []saying
		for i := range 150 {
			word := words[(i*7+c*3+i/5)%len(words)]
			script = append(script, saying{at: Time(i*100+c*13+1) * millisecond, to: machine.NodeID(1 + (i+c)%3), line: fmt.Sprintf(word, 1+(i/3)%3)})
		}
		cfg.Processes = append(cfg.Processes, Process{ID: FirstClient + machine.NodeID(c), Boot: bootTalker(script)})
	}
	cfg.Plan = faults.Generate(seed, faults.GenOptions{Nodes: 3, Streams: []string{"S"}, Start: second, End: 12 * second, Gap: second})
	return cfg
}

func TestARunIsTheSameInAnyProcess(t *testing.T) {
	run := func(env ...string) string {
		cmd := exec.Command(os.Args[0], "-test.run=NONE")
		cmd.Env = append(os.Environ(), append(env, childRun+"=1")...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	one := run("GOMAXPROCS=1", "GOGC=20")
	other := run("GOMAXPROCS=4", "GOGC=400")
	if one != other {
		t.Fatalf("the same runs differ between processes:\n%s\n%s", one, other)
	}
	lines := strings.Fields(one)
	if len(lines) != 6 || lines[0] == lines[2] {
		t.Fatalf("three seeds print %q", one)
	}
}

func TestRunningInPiecesIsRunningAtOnce(t *testing.T) {
	whole, pieces := mustWorld(t, wild(9)), mustWorld(t, wild(9))
	whole.RunUntil(15 * second)
	for at := Time(0); at <= 15*second; at += 7_777_777 {
		pieces.RunUntil(at)
	}
	pieces.RunUntil(15 * second)
	if whole.Hash() != pieces.Hash() {
		t.Fatalf("hash %s at once, %s in pieces", whole.Hash(), pieces.Hash())
	}
}

func TestAPlanAsExecutedReplaysTheRun(t *testing.T) {
	first := mustWorld(t, wild(4))
	first.RunUntil(20 * second)
	cfg := wild(4)
	cfg.Plan = first.Executed()
	again := mustWorld(t, cfg)
	again.RunUntil(20 * second)
	if first.Hash() != again.Hash() {
		t.Fatalf("the plan as executed gives %s instead of %s:\n%s", again.Hash(), first.Hash(), cfg.Plan)
	}
}

func TestTheTraceChangesNothing(t *testing.T) {
	var text bytes.Buffer
	cfg := wild(2)
	silent, loud := mustWorld(t, cfg), mustWorld(t, func() Config { cfg.Trace = &text; return cfg }())
	silent.RunUntil(5 * second)
	loud.RunUntil(5 * second)
	if silent.Hash() != loud.Hash() {
		t.Fatalf("hash %s without text, %s with it", silent.Hash(), loud.Hash())
	}
	for _, want := range []string{"n1       up", "c1000    open", "n2       frame", "world    fault"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the trace of a run shows no %q; it begins\n%.1500s", want, text.String())
		}
	}
}

func mustWorld(t testing.TB, cfg Config) *World {
	t.Helper()
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// heardBy runs a world and returns what one process noted, to the nanosecond.
func heardBy(t *testing.T, cfg Config, id machine.NodeID) []string {
	var out []string
	cfg.Hooks.Observe = func(at Time, n machine.NodeID, o *machine.Observation) {
		if n == id {
			out = append(out, fmt.Sprintf("%d %s", at, o.Why))
		}
	}
	w := mustWorld(t, cfg)
	w.RunUntil(20 * second)
	return out
}

// A fault that is taken away moves nothing that it did not touch: client 1 talks to n1 only,
// and n1's link to n2 is used by n1 alone.
func TestTakingAFaultAwayMovesNoDraw(t *testing.T) {
	var script []saying
	for i := range 150 {
		line := fmt.Sprintf("put x%d", i)
		if i%3 == 0 {
			line = fmt.Sprintf("echo y%d", i)
		}
		script = append(script, saying{at: Time(i) * 100 * millisecond, to: 1, line: line})
	}
	cfg := Config{Seed: 5}
	for id := machine.NodeID(1); id <= 3; id++ {
		cfg.Processes = append(cfg.Processes, Process{ID: id, Broker: true, Boot: bootRelay(id)})
	}
	cfg.Processes = append(cfg.Processes, Process{ID: FirstClient, Boot: bootTalker(script)})
	plan, err := faults.Parse(`plan v1
at 2s crash n1 for 300ms
at 3s power n3 for 1s keep=subset tear
at 5s pause n2 for 1s
at 7s power n1 for 500ms keep=subset tear
at 9s reset clients - n1
at 11s drop n2 -> n3 50% for 1s
at 12s slow-disk n3 x10 for 1s`)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Plan = plan
	all := heardBy(t, cfg, FirstClient)
	if len(all) < 100 {
		t.Fatalf("the client notes only %d things", len(all))
	}
	for _, i := range []int{1, 2, 5, 6} { // those that do not touch n1
		less := cfg
		less.Plan = plan.Without(i)
		if got := heardBy(t, less, FirstClient); !slices.Equal(all, got) {
			t.Errorf("without %q the client hears other things:\n%s", &plan.Faults[i], firstDifference(all, got))
		}
	}
}

// A life is known by the death before it, not by how many there were.
func TestTakingACrashAwayMovesNoDrawOfLaterLives(t *testing.T) {
	plan, err := faults.Parse("plan v1\nat 2s crash n1 for 1s\nat 7s power n1 for 1s keep=any")
	if err != nil {
		t.Fatal(err)
	}
	lives := func(plan faults.Plan) (out []string) {
		boot := func(env *machine.Env, _ machine.Image, _ *machine.Effects) (machine.Machine, error) {
			random := make([]byte, 2)
			_, _ = rand.Reader.Read(random)
			out = append(out, fmt.Sprintf("%x and %x at %d", env.Choices.Draw(3, 4), random, env.Mono))
			return &reader{}, nil
		}
		mustWorld(t, Config{Seed: 3, Plan: plan, Processes: []Process{{ID: 1, Broker: true, Boot: boot}}}).RunUntil(10 * second)
		return out
	}
	with, without := lives(plan), lives(plan.Without(0))
	if len(with) != 3 || len(without) != 2 || with[0] != without[0] || with[2] != without[1] || with[0] == with[1] || with[1] == with[2] {
		t.Errorf("lives draw %v with the first crash, %v without", with, without)
	}
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[i] + "\n" + b[i]
		}
	}
	return fmt.Sprintf("%d and %d lines", len(a), len(b))
}

// reader is a machine that reads crypto/rand where it should not be read from, or at boot.
type reader struct{}

func (*reader) Step(*machine.Env, *machine.Input, *machine.Effects) {}
func (*reader) Footprint(dst []machine.Use) []machine.Use           { return dst }

func TestRandomBytesAreDrawnForTheStepAndRefusedOutside(t *testing.T) {
	boot := func(into *[]byte) machine.Boot {
		return func(*machine.Env, machine.Image, *machine.Effects) (machine.Machine, error) {
			*into = make([]byte, 16)
			_, _ = rand.Reader.Read(*into)
			return &reader{}, nil
		}
	}
	draw := func(seed uint64) (a, b []byte) {
		mustWorld(t, Config{Seed: seed, Processes: []Process{
			{ID: 1, Broker: true, Boot: boot(&a)}, {ID: 2, Broker: true, Boot: boot(&b)},
		}}).RunUntil(second)
		return a, b
	}
	before := rand.Reader
	a1, b1 := draw(1)
	a2, _ := draw(1)
	a3, _ := draw(2)
	if !bytes.Equal(a1, a2) || bytes.Equal(a1, b1) || bytes.Equal(a1, a3) {
		t.Errorf("nodes 1 and 2 read %x and %x, again %x, with another seed %x", a1, b1, a2, a3)
	}
	if rand.Reader != before {
		t.Errorf("crypto/rand.Reader was not given back")
	}
	w := mustWorld(t, Config{
		Processes: []Process{{ID: 1, Broker: true, Boot: boot(&a1)}},
		Hooks:     Hooks{Up: func(Time, machine.NodeID) { _, _ = rand.Reader.Read(make([]byte, 1)) }},
	})
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "outside a step") {
			t.Errorf("a read outside a step ends in %v", r)
		}
		if rand.Reader != before {
			t.Errorf("crypto/rand.Reader was not given back after a panic")
		}
	}()
	w.RunUntil(second)
}
