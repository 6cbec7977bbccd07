package trial

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brokerlab/brokerlab/experiments/designs"
	"github.com/brokerlab/brokerlab/experiments/hardware"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/impl/client"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim"
	"github.com/brokerlab/brokerlab/sim/host"
)

// Trial is everything that a measured run is a function of. Times are nanoseconds of the run.
type Trial struct {
	Seed    rundir.Seed
	Profile string
	// Set turns switches of the profile, as name=value.
	Set []string
	// Hardware names a profile of experiments/hardware, or a file; Constants changes some of its constants. With Free, steps of
	// brokers cost nothing.
	Hardware  string
	Constants map[string]int64
	Free      bool
	// Collector, if not nil, is in place of the design's own.
	Collector *host.CollectorConfig
	Cluster   rundir.Cluster
	Load      load.Spec
	Plan      faults.Plan
	// Ready is how long the cluster has to elect leaders and create streams before clients begin (0: 4 s and 10 ms a stream);
	// what they ask within Measure, after a Warm that does not count, is measured; Grace is how long answers may take after
	// that (0: 5 s).
	Ready, Warm, Measure, Grace int64
	// Receivers is how many deliveries each message of the window is to have; the grace lasts until all have come.
	Receivers int
	// Timeout of each operation (0: 60 s).
	Timeout int64
	// Sample is the width of a sample of the timeline (0: 100 ms). Keep has every completion kept.
	Sample int64
	Keep   bool
}

const ms = int64(time.Millisecond)

func (t Trial) withDefaults() Trial {
	for _, d := range []struct {
		have *int64
		want int64
	}{
		{&t.Ready, 4000*ms + 10*ms*int64(len(t.Cluster.Streams))},
		{&t.Grace, 5000 * ms},
		{&t.Timeout, 60_000 * ms},
		{&t.Sample, 100 * ms},
	} {
		if *d.have == 0 {
			*d.have = d.want
		}
	}
	return t
}

// From is when the window begins.
func (t *Trial) From() int64 { return t.Ready + t.Warm }

// Until is when it ends.
func (t *Trial) Until() int64 { return t.From() + t.Measure }

// running is a trial under way.
type running struct {
	Trial
	design *designs.Design
	config rundir.Config
	meter  *meter
	setup  *load.Setup
}

// Run runs a trial. Its errors are faults of the trial, all of them at once, or of a cluster that was not ready in time. One that
// needs longer to be ready is given twice the time, from the beginning; what its plan has for afterwards comes as much later, and
// Measured.From with it.
func Run(t Trial) (*Measured, error) {
	t = t.withDefaults()
	for range patience {
		m, err := run(t)
		var late *notReady
		if !errors.As(err, &late) {
			return m, err
		}
		t.Plan = later(t.Plan, t.Ready)
		t.Ready *= 2
	}
	return run(t)
}

// later is the plan with what comes after ready as much later again.
func later(p faults.Plan, ready int64) faults.Plan {
	out := slices.Clone(p.Faults)
	for i := range out {
		if out[i].At >= ready {
			out[i].At += ready
		}
	}
	return faults.Plan{Faults: out}
}

// patience is how often a cluster is given more time.
const patience = 3

// notReady says that streams did not exist in time.
type notReady struct {
	profile string
	within  int64
}

func (e *notReady) Error() string {
	return fmt.Sprintf("trial: %s: streams were not created within %v", e.profile, time.Duration(e.within))
}

func run(t Trial) (*Measured, error) {
	r, err := prepare(t)
	if err != nil {
		return nil, err
	}
	cfg, err := r.world()
	if err != nil {
		return nil, err
	}
	w, err := sim.New(cfg)
	if err != nil {
		return nil, err
	}
	r.meter.now = w.Now
	w.RunUntil(r.Ready)
	if !r.setup.Ready() {
		return nil, &notReady{r.Profile, r.Ready}
	}
	return r.play(w), nil
}

// prepare finds the design and its switches, and lists what is wrong with the trial.
func prepare(t Trial) (*running, error) {
	d, profile, err := designs.Of(t.Profile)
	if err != nil {
		return nil, err
	}
	var found []error
	switches, err := d.Profile(profile)
	if err != nil {
		return nil, err
	}
	for _, s := range t.Set {
		name, value, _ := strings.Cut(s, "=")
		if err := d.Set(switches, name, value); err != nil {
			found = append(found, err)
		}
	}
	if t.Measure <= 0 || t.Warm < 0 || t.Sample <= 0 {
		found = append(found, fmt.Errorf("measure %d must be above 0, warm %d not below, sample %d above 0", t.Measure, t.Warm, t.Sample))
	}
	t.Profile = profile
	r := &running{Trial: t, design: d, meter: newMeter(&t), setup: load.NewSetup(t.Cluster.Streams)}
	r.config = rundir.Config{Name: "trial", Seed: t.Seed, Profile: profile, Switches: switches, Cluster: t.Cluster, Load: t.Load}
	found = append(found, d.Check(&r.config)...)
	if err := load.ValidateStreams(t.Cluster.Streams, t.Cluster.Nodes); err != nil {
		found = append(found, err)
	}
	if err := t.Load.Validate(t.Cluster.Streams, t.Cluster.Nodes); err != nil {
		found = append(found, err)
	}
	if err := errors.Join(found...); err != nil {
		return nil, fmt.Errorf("trial: %w", err)
	}
	return r, nil
}

// world is the configuration of the world: brokers on their hardware, and clients.
func (r *running) world() (sim.Config, error) {
	hw, err := hardware.Load(r.Hardware)
	if err != nil {
		return sim.Config{}, err
	}
	for name, value := range r.Constants { // map order: each changes another constant
		if hw, err = hw.With(name, value); err != nil {
			return sim.Config{}, err
		}
	}
	var gc host.CollectorConfig
	if r.Collector != nil {
		gc = *r.Collector
	}
	h, err := hw.Host(r.design.Name, gc)
	if err != nil {
		return sim.Config{}, err
	}
	if r.Free {
		h = host.Config{}
	}
	cfg := sim.Config{Seed: uint64(r.Seed), Plan: r.Plan, Network: hw.Network(), Disk: hw.Disk(), Hooks: r.meter.hooks()}
	nodes := make([]machine.NodeID, r.Cluster.Nodes)
	for i := range nodes {
		nodes[i] = machine.NodeID(i + 1)
	}
	for _, id := range nodes {
		boot, err := r.design.Broker(&r.config, id, nodes)
		if err != nil {
			return cfg, err
		}
		cfg.Processes = append(cfg.Processes, sim.Process{ID: id, Broker: true, Boot: boot, Host: h})
	}
	cfg.Processes = append(cfg.Processes, r.clients(nodes)...)
	return cfg, nil
}

func (r *running) clients(nodes []machine.NodeID) (out []sim.Process) {
	add := func(name string, first int, l load.Load, record client.Recorder) {
		seat := designs.Seat{Name: name, Nodes: nodes, First: machine.NodeID(first), Load: l, Record: record}
		out = append(out, sim.Process{ID: sim.FirstClient + machine.NodeID(len(out)), Name: name, Boot: r.design.Client(&r.config, seat)})
	}
	add("setup", 0, r.setup, r.meter)
	for i, c := range r.Load.Clients(load.Key(r.Seed).Sub("load"), r.Cluster.Streams, r.Ready, r.Until(), r.Timeout) {
		if s, ok := c.Load.(shedder); ok {
			r.meter.shedders = append(r.meter.shedders, s)
		}
		add(c.Name, c.First, c.Load, seat{r.meter, i})
	}
	return out
}

// play runs the window in samples, and then until nothing is open or the grace is over.
func (r *running) play(w *sim.World) *Measured {
	r.meter.sample(w, r.Ready)
	for w.Now() < r.Until() {
		next := min(w.Now()+r.Sample, r.Until())
		if w.Now() < r.From() {
			next = min(next, r.From())
		}
		w.RunUntil(next)
		r.meter.sample(w, w.Now())
	}
	limit := r.Until() + r.Grace
	for r.meter.open() > 0 && w.Now() < limit {
		w.RunUntil(w.Now() + r.Sample)
		r.meter.sample(w, w.Now())
	}
	return r.meter.finish(w)
}
