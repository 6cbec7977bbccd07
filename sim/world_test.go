package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/machine"
)

func TestEventsLeaveTheHeapByTimeThenSequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h heap
		var want []event
		for i, at := range rapid.SliceOf(rapid.Int64Range(0, 20)).Draw(t, "times") {
			e := event{at: at, seq: uint64(i)}
			h.push(e)
			want = append(want, e)
			if rapid.Bool().Draw(t, "pop") {
				slices.SortFunc(want, byTime)
				if got := h.pop(); got != want[0] {
					t.Fatalf("popped %v, want %v", got, want[0])
				}
				want = want[1:]
			}
		}
		slices.SortFunc(want, byTime)
		for _, e := range want {
			if got := h.pop(); got != e {
				t.Fatalf("popped %v, want %v", got, e)
			}
		}
	})
}

func byTime(a, b event) int {
	if a.before(&b) {
		return -1
	}
	return 1
}

func TestAClockShowsAtATimeWhatItWasAskedFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rate{
			since: rapid.Int64Range(0, 1e15).Draw(t, "since"),
			shown: rapid.Int64Range(-1e18, 1e18).Draw(t, "shown"),
			ppm:   rapid.Int64Range(-maxPPM, maxPPM).Draw(t, "ppm"),
		}
		v := r.shown + rapid.Int64Range(-1e9, 1e15).Draw(t, "ahead")
		at := r.when(v)
		if at < r.since || r.at(at) < v || at > r.since && r.at(at-1) >= v {
			t.Fatalf("%+v shows %d at %d and %d before, not %d first", r, r.at(at), at, r.at(at-1), v)
		}
		now := at + rapid.Int64Range(0, 1e12).Draw(t, "later")
		before := r.at(now)
		if r.turn(now, rapid.Int64Range(-maxPPM, maxPPM).Draw(t, "turned")); r.at(now) != before {
			t.Fatalf("the clock jumps from %d to %d when it turns", before, r.at(now))
		}
	})
}

// change is one thing an alarm does: it sets timer key to so many ms from now, or cancels it.
type change struct {
	key    machine.TimerKey
	cancel bool
	ms     int
}

// alarm sets and cancels timers as its script says, three changes at each step, and checks what
// fires against a map.
type alarm struct {
	script []change
	want   map[machine.TimerKey]machine.Mono
	wrong  []string
	fired  int
	slack  machine.Mono
}

func (a *alarm) Footprint(dst []machine.Use) []machine.Use { return dst }

func (a *alarm) Step(env *machine.Env, in *machine.Input, fx *machine.Effects) {
	at, set := a.want[in.Timer]
	if !set || env.Mono < at || env.Mono > at+a.slack {
		a.wrong = append(a.wrong, fmt.Sprintf("timer %v set=%v for %d fires at %d", in.Timer, set, at, env.Mono))
	}
	for k, other := range a.want {
		if other < at-1 {
			a.wrong = append(a.wrong, fmt.Sprintf("timer %v of %d fires before %v of %d", in.Timer, at, k, other))
		}
	}
	delete(a.want, in.Timer)
	a.fired++
	a.change(env, fx, 3)
}

func (a *alarm) change(env *machine.Env, fx *machine.Effects, n int) {
	for ; n > 0 && len(a.script) > 0; n-- {
		c := a.script[0]
		a.script = a.script[1:]
		if c.cancel {
			delete(a.want, c.key)
			fx.CancelTimer(c.key)
			continue
		}
		at := env.Mono + machine.Mono(c.ms)*1e6
		a.want[c.key] = max(at, env.Mono)
		fx.SetTimer(c.key, at)
	}
}

func TestTimersFireInTimeAndOnce(t *testing.T) {
	total := 0
	changes := rapid.Custom(func(t *rapid.T) change {
		return change{
			key:    machine.TimerKey{Kind: uint32(rapid.IntRange(0, 1).Draw(t, "kind")), ID: uint64(rapid.IntRange(0, 12).Draw(t, "id"))},
			cancel: rapid.IntRange(0, 3).Draw(t, "cancel") == 0,
			ms:     rapid.IntRange(-5, 50).Draw(t, "ms"),
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		a := &alarm{want: map[machine.TimerKey]machine.Mono{}, slack: 2, script: rapid.SliceOfN(changes, 3, 150).Draw(rt, "script")}
		boot := func(env *machine.Env, _ machine.Image, fx *machine.Effects) (machine.Machine, error) {
			a.change(env, fx, 10)
			return a, nil
		}
		plan := faults.Plan{Faults: []faults.Fault{
			{At: 40e6, Kind: faults.Drift, Targets: []faults.Target{faults.Node(1)}, For: 100e6, Amount: rapid.Int64Range(-50_000, 50_000).Draw(rt, "drift")},
		}}
		w, err := New(Config{Plan: plan, Processes: []Process{{ID: 1, Broker: true, Boot: boot, DriftPPM: rapid.Int64Range(-1000, 1000).Draw(rt, "ppm")}}})
		if err != nil {
			rt.Fatal(err)
		}
		for at := Time(0); at < 10*second; at += 10 * millisecond {
			w.RunUntil(at)
		}
		if len(a.wrong) > 0 || len(a.want) > 0 || !w.Up(1) {
			rt.Fatalf("up %v, still set %v, wrong:\n%s", w.Up(1), a.want, strings.Join(a.wrong, "\n"))
		}
		if used := w.processes[0].timers.used; used != 0 {
			rt.Fatalf("%d timers that have fired take room", used)
		}
		total += a.fired
	})
	if total < 300 {
		t.Errorf("only %d timers fired in all", total)
	}
}

func TestTimersThatAreGoneTakeNoRoom(t *testing.T) {
	w := mustWorld(t, Config{Processes: []Process{{ID: 1, Broker: true, Boot: bootRelay(1)}}})
	w.RunUntil(second)
	p := w.processes[0]
	for i := range uint64(10_000) {
		key := machine.TimerKey{ID: i}
		w.setTimer(p, &machine.TimerSet{Timer: key, At: p.clock.readMono(w.now) + machine.Mono(i%7)*1e6}, w.now)
		if i%3 == 0 {
			w.setTimer(p, &machine.TimerSet{Timer: key, Cancel: true}, w.now)
		}
		if i%100 == 0 {
			w.RunUntil(w.now + 10*millisecond)
		}
	}
	w.RunUntil(w.now + second)
	if ts := &p.timers; ts.used != 0 || len(ts.slots) > 500 {
		t.Errorf("%d timers are left in %d slots", ts.used, len(ts.slots))
	}
	if w.Stats().Steps[machine.TimerFired] != 6666 {
		t.Errorf("%d timers fired, want 6666", w.Stats().Steps[machine.TimerFired])
	}
}

func TestAConfigurationIsToldEverythingWrongWithIt(t *testing.T) {
	boot := bootRelay(1)
	_, err := New(Config{
		Processes: []Process{
			{ID: 1, Broker: true, Boot: boot},
			{ID: 3, Broker: true, Boot: boot, DriftPPM: 1_000_000},
			{ID: 3, Broker: true},
			{ID: 5, Boot: boot},
		},
		RestartDelay: -1,
		Network:      NetworkConfig{Window: -5},
		Plan:         faults.Plan{Faults: []faults.Fault{{Kind: faults.Crash, Targets: []faults.Target{faults.Node(9)}, For: 1}}},
	})
	if err == nil {
		t.Fatal("a world with ten faults is made")
	}
	for _, want := range []string{
		"id 3 is used twice", "process 3 has no Boot", "3 drifts by 1000000 ppm", "client id 5 is not between",
		"the 3 brokers are not numbered 1 to 3: 2 is missing", "restart delay -1", "window -5 is negative",
		"no node n9",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	if _, err := New(Config{}); err == nil {
		t.Error("a world without processes is made")
	}
}

func TestAPanicSaysWhere(t *testing.T) {
	var why string
	cfg := Config{
		Processes: []Process{
			{ID: 1, Broker: true, Boot: bootRelay(1)},
			{ID: FirstClient, Boot: bootTalker([]saying{{at: 1, to: 1, line: "crash"}})},
		},
		Hooks: Hooks{Down: func(_ Time, _ machine.NodeID, w string) { why = w }},
	}
	mustWorld(t, cfg).RunUntil(500 * millisecond)
	lines := strings.Split(why, "\n")
	if len(lines) < 3 || !strings.Contains(lines[0], "nil pointer") || !strings.Contains(lines[1], "sim.(*relay).obey relay_test.go:") {
		t.Errorf("a crash is told as\n%s", why)
	}
}

func TestAProcessThatKeepsCrashingStaysDownUntilTheWorldHeals(t *testing.T) {
	boots, ready := 0, Time(0)
	boot := func(*machine.Env, machine.Image, *machine.Effects) (machine.Machine, error) {
		if boots++; boots <= crashLimit+2 {
			panic("cannot")
		}
		return &reader{}, nil
	}
	cfg := Config{
		Processes: []Process{{ID: 1, Broker: true, Boot: boot}, {ID: 2, Broker: true, Boot: bootRelay(2)}},
		Hooks:     Hooks{Up: func(at Time, n machine.NodeID) { ready = at }},
		Plan:      faults.Plan{Faults: []faults.Fault{{At: 60e9, Kind: faults.Pause, Targets: []faults.Target{faults.Node(2)}, For: 1e9}}},
	}
	w := mustWorld(t, cfg)
	w.RunUntil(59 * second)
	if boots != crashLimit || w.Up(1) {
		t.Fatalf("%d boots before giving up, want %d", boots, crashLimit)
	}
	w.RunUntil(70 * second)
	if !w.Up(1) || ready < 61*second || ready > 64*second {
		t.Fatalf("after the world has healed the process is up=%v since %d", w.Up(1), ready)
	}
}

func TestWhatIsSentAtOnceOnANewLinkArrives(t *testing.T) {
	for seed := range uint64(20) {
		cfg := Config{Seed: seed}
		for id := machine.NodeID(1); id <= 3; id++ {
			cfg.Processes = append(cfg.Processes, Process{ID: id, Broker: true, Boot: bootRelay(id)})
		}
		w := mustWorld(t, cfg)
		w.RunUntil(second)
		for id := machine.NodeID(1); id <= 3; id++ {
			if got := w.Work(id)[machine.WorkRoute].Count; got != 4 {
				t.Errorf("seed %d: n%d got %d greetings on 4 links", seed, id, got)
			}
		}
	}
}

func TestWhatIsAskedOfAWorldIsAnswered(t *testing.T) {
	w := mustWorld(t, Config{Processes: []Process{
		{ID: 1, Broker: true, Boot: bootRelay(1)},
		{ID: FirstClient, Boot: bootTalker([]saying{{at: 1, to: 1, line: "echo x"}, {at: 2, to: 1, line: "put y"}})},
	}})
	w.RunUntil(second)
	if got := w.Footprint(1); len(got) != 1 || got[0].Count != 1 {
		t.Errorf("n1's footprint is %v", got)
	}
	if got := w.Work(1)[machine.WorkParse]; got.Bytes != int64(len("echo x\nput y\n")) {
		t.Errorf("n1 has parsed %+v", got)
	}
	if w.Footprint(99) != nil || w.Up(99) || w.Now() != second {
		t.Errorf("an unknown node is up=%v, time is %d", w.Up(99), w.Now())
	}
	s := w.Stats()
	if s.Syncs() != 2 || s.DiskOps[machine.Append] != 1 || s.Connections != 2 || s.Boots != 2 {
		t.Errorf("stats are %+v", s)
	}
}

// keeper keeps the bytes of its inputs beyond the step, which a machine must not.
type keeper struct{ kept [][]byte }

func (k *keeper) Footprint(dst []machine.Use) []machine.Use { return dst }
func (k *keeper) Step(_ *machine.Env, in *machine.Input, _ *machine.Effects) {
	if in.Kind == machine.ConnBytes || in.Kind == machine.PeerFrame {
		k.kept = append(k.kept, in.Bytes)
	}
}

func TestBytesKeptBeyondTheStepAreWiped(t *testing.T) {
	k := &keeper{}
	w := mustWorld(t, Config{Processes: []Process{
		{ID: 1, Broker: true, Boot: bootRelay(1)},
		{ID: 2, Broker: true, Boot: func(*machine.Env, machine.Image, *machine.Effects) (machine.Machine, error) { return k, nil }},
		{ID: FirstClient, Boot: bootTalker([]saying{{at: 1e8, to: 2, line: "words"}, {at: 2e8, to: 1, line: "send n2 raft frame"}})},
	}})
	w.RunUntil(second)
	if len(k.kept) < 2 {
		t.Fatalf("%d inputs with bytes", len(k.kept))
	}
	for _, b := range k.kept {
		if strings.Trim(string(b), "\x00") != "" {
			t.Errorf("a machine that keeps an input's bytes still reads %q", b)
		}
	}
}

func TestTheHashCoversEveryField(t *testing.T) {
	sum := func(change func(*machine.Input)) string {
		var tr trace
		tr.init(nil)
		in := machine.Input{Kind: machine.PeerFrame, Link: machine.RaftLink, Peer: machine.Addr{Node: 2}, Bytes: []byte("0123456789abcdefXYZ")}
		change(&in)
		tr.input(7, 8, &process{id: 1}, &in)
		return tr.sum()
	}
	seen := map[string]string{}
	for name, change := range map[string]func(*machine.Input){
		"none":  func(*machine.Input) {},
		"kind":  func(in *machine.Input) { in.Kind = machine.PeerUp },
		"link":  func(in *machine.Input) { in.Link = machine.RouteLink },
		"peer":  func(in *machine.Input) { in.Peer.Node = 3 },
		"conn":  func(in *machine.Input) { in.Conn = 1 },
		"token": func(in *machine.Input) { in.Token = 1 },
		"timer": func(in *machine.Input) { in.Timer.ID = 1 },
		"key":   func(in *machine.Input) { in.Timer.Kind = 1 },
		"n":     func(in *machine.Input) { in.N = 1 },
		"err":   func(in *machine.Input) { in.Err = errors.New("x") },
		"tail":  func(in *machine.Input) { in.Bytes = []byte("0123456789abcdefXYz") },
		"head":  func(in *machine.Input) { in.Bytes = []byte("1123456789abcdefXYZ") },
		"size":  func(in *machine.Input) { in.Bytes = []byte("0123456789abcdefXYZ\x00") },
	} {
		s := sum(change)
		if other, twice := seen[s]; twice {
			t.Errorf("changing %s and changing %s give the same hash", name, other)
		}
		seen[s] = name
	}
}

func ExampleWorld() {
	hear := Hooks{Observe: func(_ Time, n machine.NodeID, o *machine.Observation) { fmt.Println(n, o.Why) }}
	w, err := New(Config{
		Seed: 1,
		Processes: []Process{
			{ID: 1, Broker: true, Boot: bootRelay(1)},
			{ID: FirstClient, Boot: bootTalker([]saying{{at: 1e9, to: 1, line: "echo hello"}})},
		},
		Hooks: hear,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	w.RunUntil(2e9)
	// Output:
	// 1 boots with no log
	// 1 accepts c1000:1
	// 1000 hears hello
}
