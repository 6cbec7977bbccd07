package store

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/brokerlab/brokerlab/model/machine"
)

// TestStories runs the transcripts in testdata: a log and a stream on one disk, seen from
// outside. Every command prints the disk operations that it caused.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/story", func(t *testing.T, path string) {
		s := &story{disk: newTestDisk(), fx: &machine.Effects{}, cfg: LogConfig{Node: 1}, tokens: tokenSource()}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if err := s.run(t, d); err != nil {
				s.say("error: %v", err)
			}
			for _, op := range s.fx.Disk {
				s.say("  > %s", showOp(op))
			}
			s.disk.take(s.fx)
			return s.told()
		})
	})
}

type story struct {
	disk   *testDisk
	fx     *machine.Effects
	cfg    LogConfig
	log    *Log
	stream *Stream
	tokens func() machine.Token
	out    strings.Builder
	fail   error
}

func (s *story) say(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

func (s *story) told() string {
	out := s.out.String()
	s.out.Reset()
	if out == "" {
		return "ok\n"
	}
	return out
}

// constant answers every question with the same choice: all or none of what is pending.
type constant int

func (c constant) n(n int) int { return min(int(c), n-1) }

func (s *story) run(t *testing.T, d *datadriven.TestData) error {
	u := func(key string) (v uint64) {
		if d.HasArg(key) {
			var text string
			d.ScanArgs(t, key, &text)
			v, _ = strconv.ParseUint(text, 0, 64)
		}
		return v
	}
	text := func(key string) (v string) {
		if d.HasArg(key) {
			d.ScanArgs(t, key, &v)
		}
		return v
	}
	g := u("group")
	switch d.Cmd {
	case "open":
		s.cfg.Sync = modes[text("sync")]
		s.cfg.SegmentBytes = int64(u("segment"))
		s.cfg.AcceptAfterHole = d.HasArg("accept-after-hole")
		return s.open()
	case "append":
		var entries []Entry
		for i, data := range strings.Fields(d.Input) {
			entries = append(entries, Entry{Index: u("at") + uint64(i), Term: u("term"), Data: []byte(data)})
		}
		s.log.Append(g, entries)
	case "hard":
		s.log.SetHardState(g, HardState{Term: u("term"), Vote: u("vote"), Commit: u("commit")}, d.HasArg("force"))
	case "rebase":
		s.log.Rebase(g, u("index"), u("term"))
	case "checkpointed":
		s.log.Checkpointed(g, u("index"), u("term"))
	case "truncate":
		s.log.TruncateTo(g, u("index"), u("term"))
	case "forget":
		s.log.Forget(g)
	case "accept-damage":
		s.log.AcceptDamage()
	case "force-sync":
		s.log.ForceSync()
	case "flush":
		s.log.Flush(s.fx)
	case "sync-now":
		s.log.SyncNow(s.fx)
	case "free":
		s.log.Free(s.fx)
		s.say("%d segments", s.log.Segments())
	case "laggard":
		group, ok := s.log.Laggard(int(u("max")))
		s.say("group %d: %t", group, ok)
	case "open-stream":
		return s.openStream(StreamConfig{Dir: "streams/1", BlockBytes: int64(u("block")), CacheBytes: int64(u("cache"))})
	case "store":
		for i, data := range strings.Fields(d.Input) {
			s.stream.Append(Message{Seq: u("seq") + uint64(i), Index: u("index"), Subject: text("subject"), Data: []byte(data)})
		}
		s.stream.Flush(s.fx)
	case "get":
		m, tok, found := s.stream.Get(s.fx, u("seq"))
		switch {
		case !found:
			s.say("no message")
		case tok != 0:
			s.say("on disk")
		default:
			s.say("in memory: %s", describe(m))
		}
	case "remove":
		s.say("%t", s.stream.Delete(u("seq")))
	case "compact":
		s.stream.Compact(u("first"))
	case "next":
		seq, ok := s.stream.NextMatch(u("seq"), strings.Fields(d.Input))
		s.say("%d %t", seq, ok)
	case "subjects":
		s.stream.EachSubject(text("filter"), func(name string, count, first, last uint64) bool {
			s.say("%s: %d, from %d to %d", name, count, first, last)
			return true
		})
	case "checkpoint":
		s.say("%t", s.stream.StartCheckpoint(s.fx, u("index"), u("term"), []byte(d.Input)))
	case "reset":
		s.stream.Reset(s.fx)
	case "truncate-after":
		s.stream.TruncateAfter(s.fx, u("seq"))
	case "state":
		s.streamState()
	case "disk":
		n := u("ops")
		for i := uint64(0); (n == 0 || i < n) && len(s.disk.queue) > 0; i++ {
			s.work()
		}
	case "fail":
		s.fail = machine.ErrSyncFailed
	case "power-failure":
		s.disk.powerFail(constant(map[string]int{"none": 0, "all": 1}[text("keep")]))
		s.log, s.stream = nil, nil
	case "kill":
		s.disk.queue, s.log, s.stream = nil, nil, nil
	case "flip":
		s.disk.cache[text("file")].cache[u("byte")] ^= 1
	case "cut":
		f := s.disk.cache[text("file")]
		f.cache = f.cache[:u("to")]
	case "unreadable":
		s.disk.bad[text("file")] = int64(u("at"))
	case "delete":
		delete(s.disk.cache, text("file"))
	case "dump":
		s.dump(text("file"))
	case "ls":
		for _, name := range sortedNames(s.disk.cache) {
			s.say("%s %d", name, len(s.disk.cache[name].cache))
		}
	default:
		return fmt.Errorf("unknown command %s", d.Cmd)
	}
	return nil
}

func (s *story) open() error {
	l, rec, err := OpenLog(s.cfg, s.disk, s.fx, s.tokens)
	if err != nil {
		return err
	}
	s.log = l
	for _, g := range rec.Groups {
		s.say("%s", strings.TrimSpace(stateOf(&Recovered{Groups: []GroupLog{g}}).String()))
	}
	s.say("torn %d", rec.Torn)
	if rec.Damage != nil {
		s.say("damage in group %d: %s", rec.Damage.Group, rec.Damage)
	}
	return nil
}

func (s *story) openStream(cfg StreamConfig) error {
	st, c, err := OpenStream(cfg, s.disk, s.fx, s.tokens)
	s.stream = st
	if err != nil {
		return err
	}
	if c == nil {
		s.say("no checkpoint")
	} else {
		s.say("checkpoint %d of term %d: %q", c.Index, c.Term, c.State)
	}
	s.streamState()
	return nil
}

func (s *story) streamState() {
	first, last, count, size := s.stream.State()
	index, term := s.stream.Checkpointed()
	s.say("messages %d to %d, %d of %d bytes; durable checkpoint %d of term %d", first, last, count, size, index, term)
}

// work carries out the oldest operation and tells who is concerned.
func (s *story) work() {
	op, read, err := s.disk.step(constant(0))
	if s.fail != nil {
		err, s.fail = s.fail, nil
	}
	if op.Token == 0 {
		return
	}
	if s.log != nil {
		if mine, failed := s.log.Done(op.Token, 0, err); mine {
			s.say("%s: durable %d of %d %v", op.Kind, s.log.Durable(), s.log.Pending()-1, orNothing(failed))
			s.log.Flush(s.fx)
			s.more()
			return
		}
	}
	mine, m, failed := s.stream.Done(op.Token, 0, read, err)
	switch {
	case !mine:
		s.say("%s: nobody's", op.Kind)
	case m != nil:
		s.say("read: %s", describe(*m))
	case op.Kind == machine.Read || failed != nil:
		s.say("%s: nothing %v", op.Kind, orNothing(failed))
	}
	s.stream.Flush(s.fx)
	s.more()
}

// more queues what the end of an operation led to.
func (s *story) more() {
	for _, op := range s.fx.Disk {
		s.say("  > %s", showOp(op))
	}
	s.disk.take(s.fx)
}

func orNothing(err error) any {
	if err == nil {
		return ""
	}
	return err
}

func showOp(op machine.DiskOp) string {
	out := op.Kind.String() + " " + op.File
	switch op.Kind {
	case machine.Append:
		out += fmt.Sprintf(" +%d", len(op.Data))
	case machine.Rename:
		out += " to " + op.To
	case machine.Truncate:
		out += fmt.Sprintf(" to %d", op.Off)
	case machine.Read:
		out += fmt.Sprintf(" %d at %d", op.Len, op.Off)
	}
	if op.AndSync {
		out += ", sync"
	}
	return out
}

// dump lists the records of a segment.
func (s *story) dump(name string) {
	number, _ := segmentNumber("wal", name)
	b := s.disk.cache[name].cache
	kinds := [...]string{"?", "segment", "entry", "hard", "base", "rebase", "truncate", "forget", "last", "damage"}
	for off := 0; off < len(b); {
		r, st, ok := parse(b[off:], 1, at(number, int64(off)))
		if !ok {
			s.say("%4d invalid", off)
			return
		}
		end := ""
		if r.flags&flagBatchEnd != 0 {
			end = " |"
		}
		s.say("%4d %s group=%d index=%d%s synced to %d/%d%s", off, kinds[r.kind], r.group, r.index,
			map[bool]string{true: fmt.Sprintf(" %q", r.data)}[r.kind == kindEntry], st.synced.segment(), st.synced.offset(), end)
		off += r.size()
	}
}
