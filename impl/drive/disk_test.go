package drive

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/machine"
)

func TestDiskOperationsAnswerAsTheContractSays(t *testing.T) {
	dir := t.TempDir()
	u := dialUser(t, testServer(t, Config{Dir: dir}).Addr().String())
	for _, step := range [][2]string{
		{"append a/b/log DATA=hello SYNC", `append a/b/log: n=5 "" <nil>`},
		{"append a/b/log DATA=world", `append a/b/log: n=5 "" <nil>`},
		{"read a/b/log OFF=2 LEN=6", `read a/b/log: n=6 "llowor" <nil>`},
		{"read a/b/log OFF=8 LEN=6", `read a/b/log: n=2 "ld" EOF`},
		{"write a/b/log OFF=12 DATA=zz", `write a/b/log: n=2 "" <nil>`},
		{"read a/b/log OFF=9 LEN=5", `read a/b/log: n=5 "d\x00\x00zz" <nil>`},
		{"truncate a/b/log OFF=5", `truncate a/b/log: n=0 "" <nil>`},
		{"append a/b/log DATA=!", `append a/b/log: n=1 "" <nil>`},
		{"sync a/b/log", `sync a/b/log: n=0 "" <nil>`},
		{"rename a/b/log TO=c/log", `rename a/b/log: n=0 "" <nil>`},
		{"syncdir c", `syncdir c: n=0 "" <nil>`},
		{"syncdir nowhere", `syncdir nowhere: n=0 "" <nil>`},
		{"syncdir .", `syncdir .: n=0 "" <nil>`},
		{"append c/log DATA=?", `append c/log: n=1 "" <nil>`},
		{"read c/log LEN=7", `read c/log: n=7 "hello!?" <nil>`},
		{"read a/b/log LEN=1", `read a/b/log: n=0 "" file does not exist`},
		{"sync a/b/log", `sync a/b/log: n=0 "" file does not exist`},
		{"truncate a/b/log", `truncate a/b/log: n=0 "" file does not exist`},
		{"rename a/b/log TO=x", `rename a/b/log: n=0 "" file does not exist`},
		{"remove a/b/log", `remove a/b/log: n=0 "" <nil>`},
		{"remove c/log", `remove c/log: n=0 "" <nil>`},
		{"read c/log LEN=1", `read c/log: n=0 "" file does not exist`},
		{"append c/log DATA=new SYNC", `append c/log: n=3 "" <nil>`},
		{"read c/log LEN=3", `read c/log: n=3 "new" <nil>`},
		{"append c DATA=x", `append c: n=0 "" disk input/output error`},
		{"append LOCK DATA=x", `append LOCK: n=0 "" ` + errName.Error()},
		{"append ../x DATA=x", `append ../x: n=0 "" ` + errName.Error()},
		{"append /etc/x DATA=x", `append /etc/x: n=0 "" ` + errName.Error()},
		{"rename c/log TO=../x", `rename c/log: n=0 "" ` + errName.Error()},
	} {
		u.want(step[1], "op %s", step[0])
	}
	if left, err := filepath.Glob(filepath.Join(dir, "..", "x")); err != nil || left != nil {
		t.Fatalf("a file outside the directory was made: %v %v", left, err)
	}
}

func TestASymbolicLinkDoesNotLeadOutOfTheDirectory(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	u := dialUser(t, testServer(t, Config{Dir: dir}).Addr().String())
	u.want(`append out/x: n=0 "" disk input/output error`, "op append out/x DATA=x")
	if names, err := os.ReadDir(outside); err != nil || len(names) != 0 {
		t.Fatalf("outside holds %v, %v", names, err)
	}
}

func TestAFailureThatNobodyWaitsForEndsTheServer(t *testing.T) {
	s := testServer(t, Config{})
	u := dialUser(t, s.Addr().String())
	u.say("forget sync missing")
	<-s.Failed()
	if err := s.Stop(); !errors.Is(err, machine.ErrNotExist) || !strings.Contains(err.Error(), "sync missing") {
		t.Fatalf("stopped with %v", err)
	}
}

func TestADirectoryServesOneServerAtATime(t *testing.T) {
	dir := t.TempDir()
	s := testServer(t, Config{Dir: dir})
	other := Config{Dir: dir, Node: 2, Boot: bootToy(2), ClientListen: "127.0.0.1:0"}
	if _, err := Start(other); !errors.Is(err, ErrLocked) || !strings.HasSuffix(err.Error(), ": "+other.Dir) {
		t.Fatalf("a second server started with %v", err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	again, err := Start(other)
	if err != nil {
		t.Fatal(err)
	}
	again.Stop()
}

func TestRepairsAreDoneBeforeTheFirstInputAndBootSeesTheFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"b/2": "two", "a": "one", "b/c/3": "three", "LOCK": "00000000000000000041\n"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755), os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	var seen string
	boot := func(env *machine.Env, image machine.Image, fx *machine.Effects) (machine.Machine, error) {
		names, err := image.List("")
		under, err2 := image.List("b")
		size, err3 := image.Size("b/2")
		var p [9]byte
		n, eof := image.ReadAt("b/2", p[:], 1)
		_, missing := image.Size("nothing")
		_, locked := image.Size("LOCK")
		seen = fmt.Sprint(names, err, under, err2, size, err3, string(p[:n]), eof, missing, locked == errName)
		m := newToy(1)
		for i := range 50 {
			m.do(fx, machine.DiskOp{Kind: machine.Append, File: "repaired", Data: []byte("x"), AndSync: i%7 == 0},
				func(in *machine.Input, fx *machine.Effects) { m.note("repair %d %v", in.N, in.Err) })
		}
		m.do(fx, machine.DiskOp{Kind: machine.Remove, File: "a"}, nil)
		return m, nil
	}
	u := dialUser(t, testServer(t, Config{Dir: dir, Boot: boot}).Addr().String())
	if want := "[a b/2 b/c/3] <nil> [b/2 b/c/3] <nil> 3 <nil>woEOF file does not exist true"; seen != want {
		t.Errorf("boot saw %s, want %s", seen, want)
	}
	if got := u.ask("events"); strings.Count(got, "repair 1 <nil>") != 50 {
		t.Errorf("when the first client asked, these repairs were done: %s", got)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "LOCK")); err != nil || string(b) != "00000000000000000042\n" {
		t.Errorf("the boots counted are %q, %v", b, err)
	}
}

func TestABootThatRefusesLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	refuse := errors.New("an operator has to look")
	cfg := Config{Dir: dir, Node: 1, ClientListen: "127.0.0.1:0", Boot: func(*machine.Env, machine.Image, *machine.Effects) (machine.Machine, error) { return nil, refuse }}
	for range 2 { // the second time proves that the lock was given back
		if _, err := Start(cfg); err != refuse {
			t.Fatalf("started with %v", err)
		}
	}
	cfg.Boot = func(*machine.Env, machine.Image, *machine.Effects) (machine.Machine, error) { panic("torn") }
	var broken *PanicError
	if _, err := Start(cfg); !errors.As(err, &broken) {
		t.Fatalf("started with %v", err)
	}
}

func TestStoppingIsToldAndItsDiskOperationsAreDone(t *testing.T) {
	dir := t.TempDir()
	s := testServer(t, Config{Dir: dir})
	u := dialUser(t, s.Addr().String())
	u.say("blast 50000000")
	u.nc.SetReadDeadline(timeIn(deadline))
	io.CopyN(io.Discard, u.nc, 1)
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop() }()
	if n, err := io.Copy(io.Discard, u.nc); err != nil || n != 49999999 {
		t.Fatalf("%d bytes, %v: what was written before the stop should arrive", n, err)
	}
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "stopped")); string(b) != "yes" {
		t.Fatalf("the stop left %q, %v", b, err)
	}
}

// diskModel is what the operations of one lane after the other would leave.
type diskModel map[string][]byte

func (m diskModel) apply(op *machine.DiskOp) (string, error) {
	b, ok := m[op.File]
	grow := func(n int64) {
		if int64(len(b)) < n {
			b = append(b, make([]byte, n-int64(len(b)))...)
		}
	}
	switch op.Kind {
	case machine.Append:
		m[op.File] = append(b, op.Data...)
		return "", nil
	case machine.WriteAt:
		if len(op.Data) > 0 {
			grow(op.Off + int64(len(op.Data)))
		}
		copy(b[min(op.Off, int64(len(b))):], op.Data)
		m[op.File] = b
		return "", nil
	case machine.Remove:
		delete(m, op.File)
		return "", nil
	case machine.SyncDir:
		return "", nil
	}
	if !ok {
		return "", machine.ErrNotExist
	}
	switch op.Kind {
	case machine.Rename:
		delete(m, op.File)
		m[op.To] = b
	case machine.Truncate:
		grow(op.Off)
		m[op.File] = b[:op.Off]
	case machine.Read:
		from := min(op.Off, int64(len(b)))
		to := min(from+op.Len, int64(len(b)))
		if to-from < op.Len {
			return string(b[from:to]), io.EOF
		}
		return string(b[from:to]), nil
	}
	return "", nil
}

func drawOp(t *rapid.T) machine.DiskOp {
	file := rapid.SampledFrom([]string{"a", "b", "d/a", "d/b", "d/e/a"})
	op := machine.DiskOp{
		Kind: machine.DiskKind(rapid.IntRange(int(machine.Append), int(machine.Read)).Draw(t, "kind")),
		File: file.Draw(t, "file"), To: file.Draw(t, "to"), Off: rapid.Int64Range(0, 40).Draw(t, "off"),
		AndSync: rapid.Bool().Draw(t, "sync"),
	}
	switch op.Kind {
	case machine.Append, machine.WriteAt:
		op.Data = rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "data")
	case machine.Read:
		op.Len = rapid.Int64Range(0, 30).Draw(t, "len")
	}
	if op.Kind != machine.Append && op.Kind != machine.WriteAt {
		op.AndSync = false
	}
	if op.Kind == machine.Rename && op.File == op.To {
		op.To = "f"
	}
	return op
}

// Operations of many steps, run by workers and in passing, end as if one after the other had run.
func TestOperationsOnOneFileRunAndCompleteInTheOrderOfIssue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "lanes")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		root, err := os.OpenRoot(dir)
		if err != nil {
			rt.Fatal(err)
		}
		defer root.Close()
		d := newDisk(root, slog.New(slog.DiscardHandler), 1<<30, func(err error) { rt.Error(err) })
		var workers sync.WaitGroup
		for range diskWorkers {
			workers.Go(func() {
				for l := d.next(); l != nil; l = d.next() {
					d.run(l)
				}
			})
		}
		model := diskModel{}
		var want []done
		for step := range rapid.IntRange(1, 12).Draw(rt, "steps") {
			var ops []machine.DiskOp
			for range rapid.IntRange(1, 6).Draw(rt, "ops") {
				op := drawOp(rt)
				op.Token = machine.Token(len(want) + 1)
				text, err := model.apply(&op)
				want = append(want, done{token: op.Token, bytes: []byte(text), err: err})
				ops = append(ops, op)
			}
			for _, l := range d.submit(ops, nil, step%3 > 0, true) {
				d.run(l)
			}
		}
		d.stop()
		workers.Wait()
		if !d.idle() {
			rt.Fatalf("%d operations never ran", d.count)
		}
		checkDone(rt, d.takeDone(nil), want)
		for name, b := range model {
			if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != string(b) {
				rt.Fatalf("%s holds %q, %v; want %q", name, got, err, b)
			}
		}
		if err := d.close(); err != nil {
			rt.Fatal(err)
		}
	})
}

// checkDone compares each operation's outcome with the model's.
func checkDone(t *rapid.T, got, want []done) {
	if len(got) != len(want) {
		t.Fatalf("%d of %d operations completed", len(got), len(want))
	}
	seen := map[machine.Token]bool{}
	for _, g := range got {
		w := want[g.token-1]
		if seen[g.token] || g.err != w.err || string(g.bytes) != string(w.bytes) {
			t.Fatalf("operation %d: got %q %v, want %q %v (seen before: %v)", g.token, g.bytes, g.err, w.bytes, w.err, seen[g.token])
		}
		seen[g.token] = true
	}
}

func TestMoreFilesThanHandlesAreWrittenAndSynced(t *testing.T) {
	dir := t.TempDir()
	s := testServer(t, Config{Dir: dir})
	u := dialUser(t, s.Addr().String())
	const files = maxHandles + 60
	go func() {
		for i := range files {
			u.say("op append f%d DATA=%d", i, i)
		}
		for i := range files {
			u.say("op append f%d DATA=+%d", i, i)
		}
	}()
	for range 2 * files {
		if got := u.line(); !strings.HasSuffix(got, "<nil>") {
			t.Fatal(got)
		}
	}
	for i := range files {
		if b, err := os.ReadFile(filepath.Join(dir, "f"+itoa(i))); string(b) != fmt.Sprintf("%d+%d", i, i) {
			t.Fatalf("file %d holds %q, %v", i, b, err)
		}
	}
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	if s.disk.handles > maxHandles+diskWorkers {
		t.Fatalf("%d files are open, at most %d should be", s.disk.handles, maxHandles)
	}
}

func TestOneSyncServesTheAppendsThatWaited(t *testing.T) {
	s := testServer(t, Config{})
	u := dialUser(t, s.Addr().String())
	const n = 2000
	u.say("%s", strings.TrimSuffix(strings.Repeat("store log x\n", n), "\n"))
	for range n {
		if got := u.line(); got != "stored x <nil>" {
			t.Fatal(got)
		}
	}
	if syncs := s.Disk().Syncs.Load(); syncs > n/10 {
		t.Fatalf("%d syncs for %d appends that arrived together", syncs, n)
	}
}
