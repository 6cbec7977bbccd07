package calibrate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/hardware"
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/host"
)

// BenchmarkStep runs each scenario for as long as it is asked to, for a profiler; brokerlab calibrate --step prints the tables.
func BenchmarkStep(b *testing.B) {
	for _, d := range designs() {
		for _, s := range d.scenarios {
			b.Run(d.name+"/"+s.name, func(b *testing.B) {
				r := newRig(s.nodes, d.boot)
				_, op := s.build(r)
				b.ReportAllocs()
				for b.Loop() {
					op()
				}
				require.NoError(b, r.err)
			})
		}
	}
}

// work is what the steps of only charge while op runs: the units of each kind.
func (r *rig) work(only *node, op func()) string {
	r.meter = meter{only: only, mode: timing}
	op()
	r.meter.mode = idle
	var got []string
	for k, w := range r.meter.work {
		if w.Count > 0 {
			got = append(got, fmt.Sprintf("%s %d", machine.WorkKind(k), w.Count))
		}
	}
	return strings.Join(got, ", ")
}

func TestAPublishChargesWhatIsDoneForItOnce(t *testing.T) {
	for _, c := range []struct {
		nodes, publishes int
		want             string
	}{
		// One node's four Raft messages are the proposal, the two that follow when the append is durable, and the one that
		// follows its application. Encoded are the command, the entry, the hard state with it, and an append to each follower.
		{1, 1, "parse 1, route 2, deliver 1, raft 4, encode 3, apply 1, store 1"},
		{1, 10, "parse 10, route 20, deliver 10, raft 4, encode 12, apply 10, store 10"},
		{3, 1, "parse 1, route 2, deliver 1, raft 7, encode 6, apply 1, store 1"},
	} {
		r := newRig(c.nodes, natsDesign().boot)
		leader, _, client := r.natsStreaming()
		r.send(client, pub("S.a in", 100))
		got := r.work(leader, func() { r.send(client, []byte(strings.Repeat(string(pub("S.a in", 100)), c.publishes))) })
		require.NoError(t, r.err)
		require.Equal(t, c.want, got, "%d nodes, %d publishes", c.nodes, c.publishes)
	}
}

func TestAProduceChargesWhatIsDoneForItOnce(t *testing.T) {
	kafka, redpanda := kafkaDesign().boot, redpandaDesign().boot
	for _, c := range []struct {
		name            string
		boot            func(machine.NodeID, []machine.NodeID) machine.Boot
		nodes, requests int
		follower        bool
		want            string
	}{
		{"kafka, alone", kafka, 1, 1, false, "parse 1, route 1, deliver 1, store 1"},
		{"kafka, alone, ten in a read", kafka, 1, 10, false, "parse 10, route 10, deliver 10, store 10"},
		// Beside the produce the leader takes a fetch of each of two followers: one message handled and one partition's position each,
		// the batch read for each, and an answer encoded for each.
		{"kafka, leader", kafka, 3, 1, false, "parse 1, route 3, deliver 1, raft 2, encode 2, store 1, consume 2"},
		{"kafka, leader, ten in a read", kafka, 3, 10, false, "parse 10, route 12, deliver 10, raft 2, encode 2, store 10, consume 20"},
		// A follower handles one answer, appends its batches and encodes the next fetch.
		{"kafka, follower", kafka, 3, 1, true, "route 1, raft 1, encode 1, store 1"},
		{"kafka, follower, ten in a read", kafka, 3, 10, true, "route 1, raft 1, encode 1, store 10"},
		// As for a publish; a batch is an entry, so ten are ten proposals and ten commands, though one append.
		{"redpanda, alone", redpanda, 1, 1, false, "parse 1, route 1, deliver 1, raft 4, encode 3, apply 1"},
		{"redpanda, alone, ten in a read", redpanda, 1, 10, false, "parse 10, route 10, deliver 10, raft 22, encode 21, apply 10"},
		{"redpanda, leader", redpanda, 3, 1, false, "parse 1, route 1, deliver 1, raft 8, encode 7, apply 1"},
		{"redpanda, follower", redpanda, 3, 1, true, "raft 4, encode 4, apply 1"},
	} {
		r := newRig(c.nodes, c.boot)
		x := newTopic(r, 1, 0)
		require.NoError(t, r.err, c.name)
		one := produceText(-1, records(3, 100, proto.NoProducer, 0), x.ids[0])
		r.send(x.c, one)
		only := x.leader
		if c.follower {
			only = x.follower
		}
		got := r.work(only, func() { r.send(x.c, []byte(strings.Repeat(string(one), c.requests))) })
		require.NoError(t, r.err, c.name)
		require.Equal(t, c.want, got, c.name)
	}
}

// Bytes are charged where they are handled: all that is read when it is read, in however many pieces it comes.
func TestARequestInPiecesChargesItsBytesOnceAndItselfOnce(t *testing.T) {
	for _, d := range []design{kafkaDesign(), redpandaDesign()} {
		r := newRig(1, d.boot)
		x := newTopic(r, 1, 0)
		require.NoError(t, r.err)
		text := produceText(-1, records(1, 100, proto.NoProducer, 0), x.ids[0])
		r.meter = meter{mode: timing}
		r.send(x.c, text[:40])
		r.send(x.c, text[40:])
		parse := r.meter.work[machine.WorkParse]
		require.Equal(t, int64(1), parse.Count, d.name)
		require.Equal(t, int64(len(text)), parse.Bytes, d.name)
	}
}

// Every scenario does what its name says, over and over, and its work is the same each time but for what comes with time.
func TestEveryScenarioRuns(t *testing.T) {
	for _, d := range designs() {
		seen := map[string]bool{}
		for i := range d.scenarios {
			s := &d.scenarios[i]
			require.False(t, seen[s.name], "two scenarios of %s are named %q", d.name, s.name)
			seen[s.name] = true
			r := newRig(s.nodes, d.boot)
			only, op := s.build(r)
			require.NoError(t, r.err, "%s, %s", d.name, s.name)
			first := r.work(only, op)
			require.NoError(t, r.err, "%s, %s", d.name, s.name)
			require.NotEmpty(t, first, "%s, %s: a step charges something", d.name, s.name)
			if !strings.Contains(s.name, "tick") && !strings.Contains(s.name, "redelivery") && !strings.Contains(s.name, "init") {
				require.Equal(t, r.work(only, op), r.work(only, op), "%s, %s", d.name, s.name)
			}
		}
	}
}

func TestARigSaysWhatWentWrong(t *testing.T) {
	r := newRig(1, kafkaDesign().boot)
	x := newTopic(r, 1, 0)
	r.send(x.c, produceText(-1, records(1, 10, proto.NoProducer, 0), x.ids[0]+7))
	require.ErrorContains(t, r.err, "is answered with code")
	r = newRig(1, kafkaDesign().boot)
	c := newProducing(r, r.nodes[0])
	r.send(c, []byte("\x01\x00\x00\x00\xff"))
	require.ErrorContains(t, r.err, "ends or holds up connections")
	steps := r.meter.steps
	r.send(c, nil)
	require.Equal(t, steps, r.meter.steps, "it is over")
}

func TestTheFitFindsTheConstantsThatMadeTheRows(t *testing.T) {
	var want Constants
	want[unitColumn(machine.WorkParse)], want[byteColumn(machine.WorkParse)], want[stepColumn] = 30, 2, 100
	// Of applying only one size was seen: nobody can tell what a byte of it costs.
	want[unitColumn(machine.WorkApply)] = 500
	var rows []Row
	for i := range 12 {
		row := Row{Steps: float64(1 + i%2)}
		row.Count[machine.WorkParse], row.Size[machine.WorkParse] = float64(i), float64(i*i*10)
		if i%3 == 0 {
			row.Count[machine.WorkApply], row.Size[machine.WorkApply] = 2, 26
		}
		row.Nanos = want.of(&row) - 1
		rows = append(rows, row)
	}
	got := fit(rows, func(r *Row) float64 { return r.Nanos })
	for i := range want {
		require.InDelta(t, want[i], got[i], 0.5, "constant %d", i)
	}
	table := Table{Design: "made up", Rows: rows, Times: got}
	times, _ := table.Errors()
	require.Zero(t, times)
	var out strings.Builder
	table.Print(&out)
	require.Regexp(t, `(?m)^parse +30 +2000 `, out.String())
}

func TestAQuickCalibrationIsAProfileThatLoads(t *testing.T) {
	if testing.Short() {
		t.Skip("it measures for seconds")
	}
	dir := t.TempDir()
	var said []string
	p, tables, err := Run(t.Context(), "mine", Options{Quick: true, Dir: dir, Progress: func(what string, done, of int) {
		require.Less(t, done, of)
		said = append(said, what)
	}})
	require.NoError(t, err)
	require.Len(t, tables, 3)
	require.Contains(t, said, "loopback")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "what was written is removed")

	path := filepath.Join(dir, "mine.json")
	require.NoError(t, os.WriteFile(path, p.JSON(), 0o600))
	q, err := hardware.Load(path)
	require.NoError(t, err)
	require.Equal(t, p.Constants(), q.Constants())
	for _, name := range []string{"disk.sync_ns", "network.latency_ns", "kernel.input_ns", "kernel.output_ns", "nats.raft.ns", "kafka.store.ps_per_byte", "redpanda.encode.alloc_per_kib"} {
		i := slices.IndexFunc(q.Constants(), func(r hardware.Row) bool { return r.Name == name })
		require.Equal(t, hardware.Measured, q.Constants()[i].Mark, name)
		require.Contains(t, q.Constants()[i].Source, "mine machine", name)
	}
	h, err := q.Host("kafka", host.CollectorConfig{})
	require.NoError(t, err)
	require.Positive(t, h.Program.Work[machine.WorkStore].Nanos+h.Program.Work[machine.WorkStore].Picos)
}

func TestACalibrationEndsWhenItIsToldTo(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	dir := t.TempDir()
	begin := time.Now()
	_, _, err := Run(ctx, "mine", Options{Dir: dir})
	require.ErrorIs(t, err, context.Canceled)
	_, err = measureDisk(ctx, &Options{Dir: dir})
	require.ErrorIs(t, err, context.Canceled)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	require.Less(t, time.Since(begin), 30*time.Second)
}

func TestAByteCostsNothingWhereBytesAndUnitsHardlyDiffer(t *testing.T) {
	var rows []Row
	for i := range 8 {
		row := Row{Steps: 1}
		row.Count[machine.WorkApply] = float64(1 + i%3)
		row.Size[machine.WorkApply] = row.Count[machine.WorkApply] * float64(20+i)
		row.Nanos = 20*row.Size[machine.WorkApply] - 1
		rows = append(rows, row)
	}
	got := fit(rows, func(r *Row) float64 { return r.Nanos })
	require.Zero(t, got[byteColumn(machine.WorkApply)])
	require.InDelta(t, 20*23, got[unitColumn(machine.WorkApply)], 60)
	rows[0].Size[machine.WorkApply] *= 100
	rows[0].Nanos = 20*rows[0].Size[machine.WorkApply] - 1
	got = fit(rows, func(r *Row) float64 { return r.Nanos })
	require.InDelta(t, 20, got[byteColumn(machine.WorkApply)], 0.1)
}
