package disk

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
)

// story is a disk under a script of commands, one a line.
type story struct {
	t     *testing.T
	d     *Disk
	now   int64
	fails uint64
	out   strings.Builder
}

// TestStories runs what testdata tells of each rule D1 to D15.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		var s *story
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			if td.Cmd == "disk" {
				s = &story{t: t, d: New(configOf(td), 1, 1)}
				return ""
			}
			require.Equal(t, "do", td.Cmd)
			s.out.Reset()
			for _, line := range strings.Split(td.Input, "\n") {
				s.line(strings.Fields(line))
			}
			return s.out.String()
		})
	})
}

// configOf reads the arguments of a disk command. Times are round, so that stories can tell them.
func configOf(td *datadriven.TestData) Config {
	flat := func(v int64) *choice.Quantiles {
		return choice.NewQuantiles(choice.Point{PPM: 0, Value: v}, choice.Point{PPM: 1_000_000, Value: v})
	}
	cfg := Config{
		SyncTime: flat(1000_000), WriteTime: flat(10_000), ReadTime: flat(10_000), NameTime: flat(20_000),
		SyncPerKiB: 1, WritePerKiB: 1, ReadPerKiB: 1, Writeback: -1, ZeroFill: !td.HasArg("any-fill"),
	}
	for _, a := range td.CmdArgs {
		var v int64
		if len(a.Vals) > 0 {
			fmt.Sscan(a.Vals[0], &v)
		}
		switch a.Key {
		case "writeback":
			cfg.Writeback = v * 1e6
		case "capacity":
			cfg.Capacity = v
		case "parallel":
			cfg.Parallel = int(v)
		}
	}
	return cfg
}

// op reads an operation: a verb, a file, and what the verb needs; data as x*100.
func (s *story) op(w []string) (op machine.DiskOp) {
	op.File = w[1]
	if op.File == "." {
		op.File = ""
	}
	data := func(word string) []byte {
		letter, n := word[:1], 0
		fmt.Sscan(word[2:], &n)
		return bytes.Repeat([]byte(letter), n)
	}
	switch w[0] {
	case "append":
		op.Kind, op.Data = machine.Append, data(w[2])
		op.AndSync = len(w) > 3
	case "write":
		op.Kind, op.Data = machine.WriteAt, data(w[3])
		fmt.Sscan(w[2], &op.Off)
	case "truncate":
		op.Kind = machine.Truncate
		fmt.Sscan(w[2], &op.Off)
	case "read":
		op.Kind = machine.Read
		fmt.Sscan(w[2], &op.Off)
		fmt.Sscan(w[3], &op.Len)
	case "rename":
		op.Kind, op.To = machine.Rename, w[2]
	case "sync":
		op.Kind = machine.Sync
	case "syncdir":
		op.Kind = machine.SyncDir
	case "remove":
		op.Kind = machine.Remove
	default:
		s.t.Fatalf("unknown line %q", w)
	}
	return op
}

// line obeys one line. Operations run to completion; after "issue" they stay in flight.
func (s *story) line(w []string) {
	switch w[0] {
	case "issue":
		id, due := s.d.Issue(s.now, s.op(w[1:]))
		fmt.Fprintf(&s.out, "%d due at %d us\n", id, due/1000)
	case "due":
		var id OpID
		fmt.Sscan(w[1], &id)
		if due, ok := s.d.Due(id); ok {
			fmt.Fprintf(&s.out, "%d due at %d us\n", id, due/1000)
		} else {
			fmt.Fprintf(&s.out, "%d is not in flight\n", id)
		}
	case "complete":
		var id OpID
		fmt.Sscan(w[1], &id)
		s.now, _ = s.d.Due(id)
		s.outcome(s.d.Complete(id))
	case "wait":
		var ms int64
		fmt.Sscan(w[1], &ms)
		s.now += ms * 1e6
	case "crash":
		s.d.Crash(s.now)
	case "power":
		s.power(w[1], len(w) > 2)
	case "outcomes":
		s.outcomes(w[1], len(w) > 2)
	case "image":
		s.out.WriteString(show(image(s.t, s.d)))
	case "unsynced":
		changes, n := s.d.Unsynced()
		fmt.Fprintf(&s.out, "%d changes, %d bytes; %d used\n", changes, n, s.d.Used())
	default:
		if !s.fault(w) {
			s.outcome(run(s.d, &s.now, s.op(w)))
		}
	}
}

func (s *story) outcome(n int64, data []byte, err error) {
	switch {
	case err != nil:
		fmt.Fprintf(&s.out, "%v (%d good)\n", err, n)
	case data != nil:
		fmt.Fprintf(&s.out, "%s\n", runs(data))
	}
}

// fault obeys a line that sets a fault.
func (s *story) fault(w []string) bool {
	switch w[0] {
	case "fail-sync":
		s.d.FailNextSync(map[string]SyncFailure{"keep": SyncKeep, "revert": SyncRevert, "late": SyncLate}[w[1]])
	case "fail-write":
		s.d.FailNextWrite()
	case "wipe":
		s.d.Crash(s.now)
		s.d.Wipe()
	case "lose", "rot":
		s.fails++
		last := len(w) > 2
		what := ""
		if w[0] == "rot" {
			what = s.d.Rot(w[1], last, s.fails)
		} else {
			s.d.Crash(s.now)
			what = s.d.Lose(w[1], last, s.fails)
		}
		if what == "" {
			what = "nothing that could be"
		}
		fmt.Fprintln(&s.out, what)
	case "full":
		s.d.SetFull(w[1] == "on")
	case "slow":
		var factor int64
		fmt.Sscan(w[1], &factor)
		s.d.SetSlow(factor)
	case "stall":
		var ms int64
		fmt.Sscan(w[1], &ms)
		s.d.Stall(s.now + ms*1e6)
	case "heal":
		s.d.Heal(s.now, func(id OpID, due int64) { fmt.Fprintf(&s.out, "%d now due at %d us\n", id, due/1000) })
	default:
		return false
	}
	return true
}

func (s *story) power(keep string, tear bool) {
	k, ok := ParseKeep(keep)
	require.True(s.t, ok, keep)
	s.fails++
	s.d.PowerFail(s.now, k, tear, s.fails)
}

// outcomes shows every image that power failures with this policy were seen to leave, over many
// numbers of the failure. The disk itself is left as it was: the story so far is told again for each.
func (s *story) outcomes(keep string, tear bool) {
	k, ok := ParseKeep(keep)
	require.True(s.t, ok, keep)
	seen := map[string]bool{}
	for number := range uint64(600) {
		d := s.d.clone()
		d.PowerFail(s.now, k, tear, number)
		text := strings.ReplaceAll(strings.TrimSpace(show(image(s.t, d))), "\n", "; ")
		if text == "" {
			text = "nothing"
		}
		seen[text] = true
	}
	var list []string
	for text := range seen {
		list = append(list, text)
	}
	sort.Strings(list)
	s.out.WriteString(strings.Join(list, "\n") + "\n")
}

// clone copies a disk with nothing in flight.
func (d *Disk) clone() *Disk {
	c := *d
	c.names, c.dirOps, c.flying, c.slots = map[string]*name{}, nil, nil, make([]int64, len(d.slots))
	c.gone, c.first = 0, c.issued+1
	inodes := map[*inode]*inode{nil: nil}
	for _, ino := range d.live() {
		i := *ino
		i.cache = bytes.Clone(ino.cache)
		i.pending = append([]change(nil), ino.pending...)
		i.lost = append([]lostSector(nil), ino.lost...)
		inodes[ino] = &i
	}
	names := map[*name]*name{nil: nil}
	for path, n := range d.names {
		m := *n
		m.inode, m.durable, m.flying = inodes[n.inode], inodes[n.durable], 0
		names[n], c.names[path] = &m, &m
	}
	for _, o := range d.dirOps {
		o.from, o.to, o.inode = names[o.from], names[o.to], inodes[o.inode]
		c.dirOps = append(c.dirOps, o)
	}
	return &c
}

// show writes an image as one line a file, contents as runs.
func show(image map[string][]byte) string {
	var paths []string
	for path := range image {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	out := ""
	for _, path := range paths {
		out += fmt.Sprintf("%s: %s\n", path, runs(image[path]))
	}
	return out
}

// runs writes bytes as letter*count; 0 is a zero byte, ? a sector with garbage in it.
func runs(p []byte) string {
	if len(p) == 0 {
		return "empty"
	}
	glyphs := bytes.Clone(p)
	for i := 0; i < len(p); i += Sector {
		sector := glyphs[i:min(i+Sector, len(p))]
		garbage := bytes.ContainsFunc(sector, func(r rune) bool { return r != 0 && (r < 'a' || r > 'z') })
		for j := range sector {
			switch {
			case garbage:
				sector[j] = '?'
			case sector[j] == 0:
				sector[j] = '0'
			}
		}
	}
	out := ""
	for i := 0; i < len(glyphs); {
		j := i
		for j < len(glyphs) && glyphs[j] == glyphs[i] {
			j++
		}
		out += fmt.Sprintf(" %c*%d", glyphs[i], j-i)
		i = j
	}
	return out[1:]
}
