package experiments

import (
	"io"
	"strings"
	"time"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/experiments/designs"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/spec"
	"github.com/brokerlab/brokerlab/sim"
)

// Result is what came of a run.
type Result struct {
	Manifest rundir.Manifest
	History  *history.History
	Report   *checker.Report
	Claims   spec.Claims
	// Executed is the plan with its roles resolved.
	Executed faults.Plan

	core *checker.CoreReport // see coreLosses
}

// Times of the end of a run: the drain begins when every answer still owed is overdue, may take
// drainLimit, and leaves the replicas settle to become equal.
const (
	drainLimit = int64(90 * time.Second)
	// consumersLimit is how long the drain waits for consumers before it reads.
	consumersLimit = int64(60 * time.Second)
	settle         = int64(3 * time.Second)
	runStep        = int64(100 * time.Millisecond)
)

// Execute runs a configuration and has the history judged. It returns an error only for what is
// no fault of the world: a configuration that cannot be run.
func Execute(c rundir.Config, trace io.Writer) (*Result, error) {
	plan, err := faults.Parse(strings.Join(c.Plan, "\n") + "\n")
	if err != nil {
		return nil, usagef("plan: %v", err)
	}
	d, _, err := designs.Of(c.Profile)
	if err != nil {
		return nil, usagef("--profile: %v", err)
	}
	claims, err := spec.ClaimsOf(c.Profile, c.Switches)
	if err != nil {
		return nil, usagef("%v", err)
	}
	claims = claims.With(c.Test, "the experiment asks")
	r := newRecorder(history.Header{
		Name: c.Name, Seed: uint64(c.Seed), Nodes: c.Cluster.Nodes, System: c.Profile, Settings: c.Switches, Streams: streamsOf(d, c.Cluster),
	})
	run := &run{config: &c, recorder: r}
	w, err := run.world(plan, trace)
	if err != nil {
		return nil, usagef("%v", err)
	}
	run.play(w)
	res := &Result{History: r.whole(), Claims: claims, Executed: w.Executed()}
	res.Report = checker.Run(res.History, checker.Options{ProgressBound: d.Bound})
	res.Manifest = manifest(&c, res, w, r.covered)
	return res, nil
}

func manifest(c *rundir.Config, res *Result, w *sim.World, covered rundir.Coverage) rundir.Manifest {
	o := res.Report.Overall(res.Claims)
	return rundir.Manifest{
		Config: *c, Build: rundir.ThisBuild(), Trace: w.Hash(),
		Verdict: o.Value, Violated: o.Violated, Unknown: o.Unknown, Unclaimed: o.Unclaimed,
		Totals: rundir.Totals{WorldEvents: w.Stats().Events, Operations: res.Report.Ops, VirtualNanos: w.Now(), Covered: covered},
	}
}

func streamsOf(d *designs.Design, c rundir.Cluster) []history.Stream {
	var out []history.Stream
	for i := range c.Streams {
		out = append(out, c.Streams[i].Describe())
		if d.Describe != nil {
			d.Describe(&out[i])
		}
	}
	return out
}

// run is one run under way.
type run struct {
	config   *rundir.Config
	recorder *recorder
	drained  bool
}

// world builds brokers and clients.
func (r *run) world(plan faults.Plan, trace io.Writer) (*sim.World, error) {
	cfg := sim.Config{Seed: uint64(r.config.Seed), Plan: plan, Trace: trace, Hooks: r.hooks()}
	cfg.Network.Datagrams, cfg.Network.Window = r.config.Cluster.Datagrams, r.config.Cluster.WindowBytes
	processes, err := r.brokers()
	if err != nil {
		return nil, err
	}
	cfg.Processes = append(processes, r.clients()...)
	w, err := sim.New(cfg)
	if err != nil {
		return nil, err
	}
	r.recorder.now = w.Now
	return w, nil
}

func (r *run) hooks() sim.Hooks {
	rec := r.recorder
	brokers := machine.NodeID(r.config.Cluster.Nodes)
	return sim.Hooks{
		Observe: func(_ sim.Time, n machine.NodeID, o *machine.Observation) { rec.observe(n, o) },
		Fault:   func(_ sim.Time, f *faults.Fault, on bool) { rec.fault(f, on) },
		Healed:  func(sim.Time) { rec.mark(history.Healed) },
		Down: func(_ sim.Time, n machine.NodeID, why string) {
			if n <= brokers {
				rec.node(n, history.Down, why)
			}
		},
		Harmed: func(_ sim.Time, n machine.NodeID, what string) { rec.harmed(n, what) },
		Up: func(_ sim.Time, n machine.NodeID) {
			if n <= brokers {
				rec.node(n, history.Up, "")
			}
		},
	}
}

func (r *run) nodes() []machine.NodeID {
	var ids []machine.NodeID
	for n := 1; n <= r.config.Cluster.Nodes; n++ {
		ids = append(ids, machine.NodeID(n))
	}
	return ids
}

func (r *run) brokers() ([]sim.Process, error) {
	d, _, err := designs.Of(r.config.Profile)
	if err != nil {
		return nil, err
	}
	var out []sim.Process
	for _, id := range r.nodes() {
		boot, err := d.Broker(r.config, id, r.nodes())
		if err != nil {
			return nil, err
		}
		out = append(out, sim.Process{ID: id, Broker: true, Boot: boot})
	}
	return out, nil
}

// clients are the one that creates streams, those of the load, and the one that drains.
func (r *run) clients() []sim.Process {
	c := r.config
	key := load.Key(c.Seed).Sub("load")
	id := sim.FirstClient
	d, _, _ := designs.Of(c.Profile) // brokers have asked
	var out []sim.Process
	add := func(name string, first int, l load.Load) {
		boot := d.Client(c, designs.Seat{Name: name, Nodes: r.nodes(), First: machine.NodeID(first), Load: l, Record: clientRecorder{r.recorder, name}})
		out = append(out, sim.Process{ID: id, Name: name, Boot: boot})
		id++
	}
	add("setup", 0, load.NewSetup(c.Cluster.Streams))
	for _, cl := range c.Load.Clients(key, c.Cluster.Streams, c.LoadFrom, c.LoadUntil, c.Timeout) {
		add(cl.Name, cl.First, cl.Load)
	}
	add("drain", 0, &load.Drain{
		From: r.drainFrom(), Until: r.drainFrom() + consumersLimit, Consumers: c.Load.Worked(), Streams: c.Cluster.Streams,
		Floor:    func(stream string) uint64 { return r.recorder.told[stream] },
		Finished: func(int64) { r.drained = true },
	})
	return out
}

func (r *run) drainFrom() int64 { return r.config.LoadUntil + r.config.Timeout + int64(time.Second) }

// play runs the world until everything has been read back.
func (r *run) play(w *sim.World) {
	w.RunUntil(r.drainFrom())
	limit := r.drainFrom() + drainLimit
	if len(r.config.Load.Worked()) > 0 {
		limit += consumersLimit
	}
	for !r.drained && w.Now() < limit {
		w.RunUntil(w.Now() + runStep)
	}
	w.RunUntil(w.Now() + settle)
	if r.drained {
		r.recorder.mark(history.Drained)
	}
}
