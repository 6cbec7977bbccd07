package experiments

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/impl/kafka"
	kclient "github.com/brokerlab/brokerlab/impl/kafka/client"
	"github.com/brokerlab/brokerlab/impl/redpanda"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/spec"
	"github.com/brokerlab/brokerlab/sim"
)

// kafkaRun runs three Kafka-style nodes under a plan and has what happened judged.
func kafkaRun(t *testing.T, seed uint64, plan string, broker any, client kclient.Config) (*checker.Report, *history.History, *sim.World) {
	t.Helper()
	parsed, err := faults.Parse("plan v1\n" + plan)
	require.NoError(t, err)
	rec := newRecorder(history.Header{Name: "kafka", Seed: seed, Nodes: 3, Streams: []history.Stream{{Name: ordersName, Replicas: 3}}})
	c := rundir.Config{Seed: rundir.Seed(seed), Cluster: oneStream, LoadFrom: int64(6 * time.Second), LoadUntil: int64(60 * time.Second), Timeout: int64(20 * time.Second)}
	r := &run{config: &c, recorder: rec}
	cfg := sim.Config{Seed: seed, Plan: parsed, Hooks: r.hooks()}
	nodes := r.nodes()
	for _, id := range nodes {
		var boot machine.Boot
		switch b := broker.(type) {
		case kafka.Config:
			b.Node, b.Nodes, b.Observe = id, nodes, true
			boot = kafka.Boot(b)
		case redpanda.Config:
			b.Node, b.Nodes, b.Observe = id, nodes, true
			boot = redpanda.Boot(b)
		}
		cfg.Processes = append(cfg.Processes, sim.Process{ID: id, Broker: true, Boot: boot})
	}
	id := sim.FirstClient
	add := func(name string, l load.Load) {
		k := client
		k.Name, k.Nodes, k.Load, k.Record = name, nodes, l, clientRecorder{rec, name}
		cfg.Processes = append(cfg.Processes, sim.Process{ID: id, Name: name, Boot: kclient.Boot(k)})
		id++
	}
	add("setup", load.NewSetup(c.Cluster.Streams))
	spec := load.Spec{Groups: []load.Group{{Name: "c", Count: 8, PublishPerSecond: 70, ReadPerSecond: 30, Bytes: 128, LastPercent: 20}}}
	for _, cl := range spec.Clients(load.Key(seed).Sub("load"), c.Cluster.Streams, c.LoadFrom, c.LoadUntil, c.Timeout) {
		add(cl.Name, cl.Load)
	}
	add("drain", &load.Drain{
		From: r.drainFrom(), Streams: c.Cluster.Streams,
		Floor:    func(stream string) uint64 { return rec.told[stream] },
		Finished: func(int64) { r.drained = true },
	})
	w, err := sim.New(cfg)
	require.NoError(t, err)
	rec.now = w.Now
	r.play(w)
	require.True(t, r.drained, "the drain ends")
	return checker.Run(&rec.history, checker.Options{ProgressBound: int64(20 * time.Second)}), &rec.history, w
}

func tellAll(r *checker.Report) string {
	var b strings.Builder
	for _, v := range r.Verdicts {
		b.WriteString(string(v.Guarantee) + ": " + v.Value.String() + ": " + v.Sentence + "\n")
	}
	return b.String()
}

func TestAHealthyKafkaKeepsWhatItAcknowledges(t *testing.T) {
	safe := kclient.Config{Idempotent: true, MinISR: 2}
	report, h, w := kafkaRun(t, 1, "at 50s heal\n", kafka.Config{ELR: true}, safe)
	st := w.Stats()
	t.Log(tellAll(report), st.Events, len(h.Events), st.Steps, st.Frames, st.Segments, st.DiskOps)
	require.Equal(t, spec.Holds, report.Of(spec.NoAckedLoss).Value)
}

func TestKafkaDbg0(t *testing.T) {
	safe := kclient.Config{Idempotent: true, MinISR: 2}
	report, h, w := kafkaRun(t, 1, "at 20s crash n1 for 5s\nat 50s heal\n", kafka.Config{ELR: true}, safe)
	st := w.Stats()
	t.Log(tellAll(report), st.Events, len(h.Events), st.Steps, st.Frames, st.Segments, st.DiskOps)
}

var _ = machine.NodeID(0)

func TestKafkaDbg(t *testing.T) {
	for _, c := range []struct {
		name, plan string
		broker     kafka.Config
		client     kclient.Config
	}{
		{"acks=1 leader crash (process)", "at 20s partition leader of ORDERS | others for 100ms\nat 20.1s crash leader of ORDERS for 15s\nat 50s heal\n", kafka.Config{ELR: true}, kclient.Config{Acks: 1, MinISR: 1}},
		{"all power no flush", "at 20s power all for 2s keep=none\nat 50s heal\n", kafka.Config{ELR: true}, kclient.Config{Idempotent: true, MinISR: 2}},
		{"all power flush", "at 20s power all for 2s keep=none\nat 50s heal\n", kafka.Config{ELR: true}, kclient.Config{Idempotent: true, MinISR: 2, Flush: 1}},
		{"one power", "at 20s power leader of ORDERS for 2s keep=none\nat 50s heal\n", kafka.Config{ELR: true}, kclient.Config{Idempotent: true, MinISR: 2}},
	} {
		for seed := uint64(1); seed <= 3; seed++ {
			report, h, w := kafkaRun(t, seed, c.plan, c.broker, c.client)
			st := w.Stats()
			t.Log(c.name, seed, st.Events, len(h.Events))
			for _, v := range report.Verdicts {
				if v.Value != spec.Holds && v.Value != spec.NotExercised {
					t.Log(v.Guarantee, v.Value, v.Sentence)
				}
			}
		}
	}
}

func TestRedpandaDbg(t *testing.T) {
	for _, plan := range []string{"at 50s heal\n", "at 20s power all for 2s keep=none\nat 50s heal\n", "at 20s crash leader of ORDERS for 5s\nat 50s heal\n"} {
		report, h, w := kafkaRun(t, 1, plan, redpanda.Config{}, kclient.Config{Idempotent: true})
		st := w.Stats()
		t.Log(st.Events, len(h.Events), st.Steps, st.DiskOps)
		for _, v := range report.Verdicts {
			t.Log(v.Guarantee, v.Value, v.Sentence)
		}
	}
}
