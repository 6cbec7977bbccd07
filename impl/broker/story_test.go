package broker

import (
	"fmt"
	"io"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// TestStories runs the transcripts of one machine in testdata: inputs in, effects out.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.HasPrefix(filepath.Base(path), "mesh_") {
			return // TestMeshStories
		}
		s := &story{files: map[string][]byte{}, synced: map[string]int{}, conns: map[string]*machine.ConnBuf{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.out.Reset()
			if err := s.run(d); err != nil {
				return "error: " + err.Error() + "\n"
			}
			if s.out.Len() == 0 {
				return "(none)\n"
			}
			return s.out.String()
		})
	})
}

// story drives one broker by hand. Disk operations wait until the story lets them finish.
type story struct {
	out    strings.Builder
	cfg    Config
	m      machine.Machine
	env    machine.Env
	fx     machine.Effects
	files  map[string][]byte
	synced map[string]int // bytes durable
	disk   []machine.DiskOp
	conns  map[string]*machine.ConnBuf
	nextID machine.ConnID
}

type noChoices struct{}

func (noChoices) Draw(p machine.Purpose, id uint64) uint64 { return uint64(p)*1000 + id }

func (s *story) run(d *datadriven.TestData) error {
	switch d.Cmd {
	case "boot":
		return s.boot(d)
	case "client":
		return s.client(d)
	case "send":
		return s.send(d)
	case "disk":
		return s.finishDisk(d)
	case "tick":
		s.env.Mono += machine.Mono(s.cfg.withDefaults().TickEvery)
		s.step(&machine.Input{Kind: machine.TimerFired, Timer: machine.TimerKey{Kind: timerTick}})
	case "drained":
		var n int
		d.ScanArgs(t(d), "n", &n)
		s.step(&machine.Input{Kind: machine.ConnDrained, Conn: s.conns[d.CmdArgs[0].Key].ID, N: int64(n)})
	case "calls":
		return s.calls(d)
	case "wait":
		s.wait(d)
	case "crash":
		s.crash(d)
	default:
		return fmt.Errorf("unknown command %q", d.Cmd)
	}
	return nil
}

func t(*datadriven.TestData) *testing.T { return &testing.T{} }

func (s *story) boot(d *datadriven.TestData) error {
	s.cfg = Config{Node: 1, Nodes: []machine.NodeID{1}, Observe: true}
	sw, err := Profile("reference")
	if err != nil {
		return err
	}
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "nodes":
			n, _ := strconv.Atoi(a.Vals[0])
			for i := 2; i <= n; i++ {
				s.cfg.Nodes = append(s.cfg.Nodes, machine.NodeID(i))
			}
		case "max-pending":
			s.cfg.MaxPending, _ = strconv.ParseInt(a.Vals[0], 10, 64)
		case "tail-bytes":
			s.cfg.TailBytes, _ = strconv.ParseInt(a.Vals[0], 10, 64)
			s.cfg.KeepBytes = s.cfg.TailBytes
		default:
			if err := sw.Set(a.Key, a.Vals[0]); err != nil {
				return err
			}
		}
	}
	s.cfg.Switches = sw
	s.env = machine.Env{Wall: 1_767_225_600 * 1_000_000_000, Choices: noChoices{}}
	m, err := Boot(s.cfg)(&s.env, image{s.files}, &s.fx)
	s.m = m
	s.effects()
	return err
}

func (s *story) client(d *datadriven.TestData) error {
	s.nextID++
	out := &machine.ConnBuf{ID: s.nextID}
	s.conns[d.CmdArgs[0].Key] = out
	s.step(&machine.Input{Kind: machine.ConnOpened, Conn: out.ID, Out: out, Remote: "client"})
	return nil
}

// send hands in lines as a client's bytes; a PUB's size is filled in from the line that follows it.
func (s *story) send(d *datadriven.TestData) error {
	c := s.conns[d.CmdArgs[0].Key]
	if c == nil {
		return fmt.Errorf("no client %q", d.CmdArgs[0].Key)
	}
	var bytes strings.Builder
	lines := strings.Split(d.Input, "\n")
	for i, line := range lines {
		bytes.WriteString(line)
		if strings.HasPrefix(line, "PUB ") {
			fmt.Fprintf(&bytes, " %d", len(lines[i+1]))
		}
		bytes.WriteString("\r\n")
	}
	s.step(&machine.Input{Kind: machine.ConnBytes, Conn: c.ID, Bytes: []byte(bytes.String())})
	return nil
}

// finishDisk lets the oldest operations finish: all of them, or n; fail=sync makes the next sync fail.
func (s *story) finishDisk(d *datadriven.TestData) error {
	n := 1 << 30
	for _, a := range d.CmdArgs {
		if a.Key == "n" {
			n, _ = strconv.Atoi(a.Vals[0])
		}
	}
	for ; n > 0 && len(s.disk) > 0; n-- {
		op := s.disk[0]
		s.disk = s.disk[1:]
		in := &machine.Input{Kind: machine.DiskDone, Token: op.Token}
		s.perform(&op, in)
		fmt.Fprintf(&s.out, "done %s %s\n", op.Kind, op.File)
		if op.Token != 0 {
			s.step(in)
		}
	}
	return nil
}

func (s *story) perform(op *machine.DiskOp, in *machine.Input) {
	switch op.Kind {
	case machine.Append:
		s.files[op.File] = append(s.files[op.File], op.Data...)
	case machine.Sync:
		s.synced[op.File] = len(s.files[op.File])
	case machine.Truncate:
		s.files[op.File] = s.files[op.File][:op.Off]
	case machine.Rename:
		s.files[op.To], s.synced[op.To] = s.files[op.File], s.synced[op.File]
		delete(s.files, op.File)
	case machine.Remove:
		delete(s.files, op.File)
	case machine.Read:
		in.Bytes = s.files[op.File][op.Off:min(op.Off+op.Len, int64(len(s.files[op.File])))]
	}
	if op.AndSync {
		s.synced[op.File] = len(s.files[op.File])
	}
}

// crash ends the process; with power, what was not synced is gone, and operations under way too.
func (s *story) crash(d *datadriven.TestData) {
	power := len(d.CmdArgs) > 0 && d.CmdArgs[0].Key == "power"
	s.disk, s.conns, s.m = nil, map[string]*machine.ConnBuf{}, nil
	if power {
		for name, b := range s.files {
			s.files[name] = b[:s.synced[name]]
		}
	}
	fmt.Fprintf(&s.out, "down\n")
}

func (s *story) step(in *machine.Input) {
	s.m.Step(&s.env, in, &s.fx)
	s.effects()
}

func (s *story) effects() {
	for _, o := range s.fx.Observed {
		switch o.Kind {
		case machine.Stored, machine.Acked, machine.Leader, machine.Follower, machine.Recovered, machine.Damaged, machine.Dropped, machine.Removed, machine.StreamCreated, machine.StreamDeleted:
			fmt.Fprintf(&s.out, "! %s%s%s\n", o.Kind, describe(&o), quoteWhy(o.Why))
		}
	}
	for _, op := range s.fx.Disk {
		sync := ""
		if op.AndSync {
			sync = "+sync"
		}
		fmt.Fprintf(&s.out, "disk %s%s %s\n", op.Kind, sync, op.File)
		op.Data = append([]byte(nil), op.Data...)
		s.disk = append(s.disk, op)
	}
	for _, f := range s.fx.Frames {
		fmt.Fprintf(&s.out, "frame to n%d on %s: %s\n", f.Peer.Node, f.Link, wire.Kind(f.Bytes[0]))
	}
	for _, c := range s.fx.Dirty {
		for _, line := range strings.SplitAfter(string(c.B), "\r\n") {
			if line != "" && !strings.HasPrefix(line, "INFO ") {
				fmt.Fprintf(&s.out, "-> c%d %s\n", c.ID, strings.TrimRight(line, "\r\n"))
			}
		}
		c.B, c.Dirty = nil, false
	}
	for _, c := range s.fx.Closes {
		fmt.Fprintf(&s.out, "close c%d\n", c.Conn)
	}
	s.fx.Reset()
}

func describe(o *machine.Observation) string {
	var b strings.Builder
	if o.Stream != "" {
		fmt.Fprintf(&b, " %s", o.Stream)
	} else if o.Group == metaGroup {
		b.WriteString(" meta")
	}
	if o.Term != 0 {
		fmt.Fprintf(&b, " term %d", o.Term)
	}
	if o.Seq != 0 {
		fmt.Fprintf(&b, " seq %d", o.Seq)
	}
	return b.String()
}

func quoteWhy(why string) string {
	if why == "" {
		return ""
	}
	return " (" + why + ")"
}

// image is the story's files as a machine.Image.
type image struct{ files map[string][]byte }

func (i image) List(dir string) (names []string, err error) {
	for name := range i.files {
		if dir == "" || strings.HasPrefix(name, dir+"/") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names, nil
}

func (i image) Size(name string) (int64, error) {
	b, ok := i.files[name]
	if !ok {
		return 0, machine.ErrNotExist
	}
	return int64(len(b)), nil
}

func (i image) ReadAt(name string, p []byte, off int64) (int, error) {
	b, ok := i.files[name]
	if !ok {
		return 0, machine.ErrNotExist
	}
	if off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
