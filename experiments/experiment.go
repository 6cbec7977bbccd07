package experiments

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brokerlab/brokerlab/experiments/designs"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/impl/broker"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/spec"
)

// Experiment is one question put to the world.
type Experiment struct {
	Name     string
	Question string
	// Vary is the one factor to compare by: a switch or profile, in words.
	Vary    string
	Cluster rundir.Cluster
	Load    load.Spec
	// Shape, if there is one, draws cluster and load of a seed in place of these.
	Shape func(key load.Key) (rundir.Cluster, load.Spec)
	// Graded draws the plan of a seed in place of Faults, where how much goes wrong is what varies: level is the seed modulo
	// Levels.
	Graded func(key load.Key, c rundir.Cluster, level int) faults.Plan
	Levels int
	// Faults draws the plan of a seed, without the final heal.
	Faults func(key load.Key, c rundir.Cluster) faults.Plan
	// Duration is how long clients keep asking; for the last Quiet of it the world is healed.
	Duration time.Duration
	Quiet    time.Duration
	// Profile that the experiment is about; "" is the reference. Set are the switches that it turns, before the user's.
	Profile string
	Set     []string
	// Test lists guarantees that are judged although the settings take them back: they are what is asked.
	Test []spec.ID
	// Expect says, by profile, which violations the experiment is there to show. A profile
	// that is not listed is expected to keep its claims.
	Expect map[string]Expectation
}

// Expectation lists the guarantees of which one or more is to be violated, and those that may
// fall with them.
type Expectation struct {
	Violated []spec.ID
	Also     []spec.ID
}

// warmUp is how long the cluster has to elect leaders and create streams before clients begin.
const warmUp = 3 * time.Second

// clientTimeout is after how long an operation's outcome is unknown: nats.go's default.
const clientTimeout = 5 * time.Second

// Options choose among the runs of an experiment.
type Options struct {
	// Profile of switches; "" is the reference.
	Profile string `json:"profile,omitempty"`
	// Set changes switches against the profile, each as name=value.
	Set []string `json:"set,omitempty"`
}

// UsageError is a fault of what the user asked for, not of the world.
type UsageError struct{ Why string }

func (e *UsageError) Error() string { return e.Why }

func usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// All lists the experiments by name.
func All() []Experiment {
	all := []Experiment{streamRules, coreAtMostOnce, locationTransparency, queueGroups, consumerRedelivery, exactlyOnce, kafkaAcksOne, kafkaUnclean, kafkaLastReplica, kafkaPowerLoss, kafkaMinute, kafkaConsumers, kafkaAutoCommit, quickstart, powerLoss, pauseThenPowerLoss, soak, voteStorm, tornLogs, failingSyncs, stalledDisks, damagedLogs, bitRot, wipedDisk}
	slices.SortFunc(all, func(a, b Experiment) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Find returns an experiment by name. An unknown name is a *UsageError that lists the known ones.
func Find(name string) (Experiment, error) {
	var names []string
	for _, e := range All() {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	return Experiment{}, usagef("unknown experiment %q: there are %s, and custom", name, strings.Join(names, ", "))
}

// Listed is an experiment as list shows it.
type Listed struct {
	Name     string `json:"name"`
	Question string `json:"question"`
	Vary     string `json:"vary"`
	// Expects names, by profile, the guarantees whose violation is expected.
	Expects map[string][]spec.ID `json:"expects_violated,omitempty"`
}

// Listing describes the experiments.
func Listing() []Listed {
	var out []Listed
	for _, e := range All() {
		l := Listed{Name: e.Name, Question: e.Question, Vary: e.Vary, Expects: map[string][]spec.ID{}}
		for profile, x := range e.Expect {
			l.Expects[profile] = x.Violated
		}
		out = append(out, l)
	}
	return out
}

// Config is everything that decides the run of a seed. Unknown profiles and switches, and a
// cluster, load or plan that contradict themselves, are *UsageErrors.
func (e Experiment) Config(seed rundir.Seed, o Options) (rundir.Config, error) {
	if o.Profile == "" {
		o.Profile = e.Profile
	}
	d, profile, err := designs.Of(o.Profile)
	if err != nil {
		return rundir.Config{}, usagef("--profile: %v", err)
	}
	switches, set, err := e.settings(d, profile, o.Set)
	c := rundir.Config{
		Name: e.Name, Question: e.Question, Seed: seed, Profile: profile, Cluster: e.Cluster, Load: e.Load,
		LoadFrom: int64(warmUp), LoadUntil: int64(e.Duration), Heal: int64(e.Duration - e.Quiet), Timeout: int64(clientTimeout),
	}
	if err != nil {
		return c, err
	}
	if e.Shape != nil {
		c.Cluster, c.Load = e.Shape(load.Key(seed).Sub("shape"))
	}
	c.Set = set
	c.Switches, c.Test = switches, e.Test
	if len(c.Set) == 0 {
		c.Expect, c.Also = e.Expect[profile].Violated, e.Expect[profile].Also
	}
	plan := faults.Plan{}
	if e.Faults != nil {
		plan = e.Faults(load.Key(seed).Sub("plan"), c.Cluster)
	}
	if e.Graded != nil {
		c.Level, c.Levels = int(uint64(seed)%uint64(e.Levels)), e.Levels
		plan = e.Graded(load.Key(seed).Sub("plan"), c.Cluster, c.Level)
	}
	c.Plan = planLines(healed(plan, c.Heal))
	return c, validate(&c, d.Check(&c))
}

// settings are the switches of a profile with Set on top; set is Set by name. Unknown profiles, switches and ends, and one
// switch set to two ends, are a *UsageError that lists them all.
func (e Experiment) settings(d *designs.Design, profile string, user []string) (switches, set map[string]string, err error) {
	if switches, err = d.Profile(profile); err != nil {
		return nil, nil, usagef("--profile: %v", err)
	}
	if e.Profile == profile {
		for _, s := range e.Set {
			name, value, _ := strings.Cut(s, "=")
			if err := d.Set(switches, name, value); err != nil {
				return nil, nil, usagef("%s: %v", e.Name, err)
			}
		}
	}
	var wrong []string
	for _, s := range user {
		name, value, ok := strings.Cut(s, "=")
		old, twice := set[name]
		if !ok {
			wrong = append(wrong, fmt.Sprintf("--set %s: want switch=value", s))
		} else if err := d.Set(switches, name, value); err != nil {
			wrong = append(wrong, fmt.Sprintf("--set %s: %v", s, err))
		} else if twice && old != value {
			wrong = append(wrong, fmt.Sprintf("--set: %s is set to both %s and %s", name, old, value))
		} else {
			if set == nil {
				set = map[string]string{}
			}
			set[name] = value
		}
	}
	if len(wrong) > 0 {
		return nil, nil, usagef("%s", strings.Join(wrong, "\n"))
	}
	return switches, set, nil
}

// Switches are those that the broker itself is to run with, as serve does.
func (o Options) Switches() (switches broker.Switches, err error) {
	d := designs.All()[0]
	if o.Profile == "" {
		o.Profile = d.Profiles[0]
	}
	m, _, err := Experiment{}.settings(d, o.Profile, o.Set)
	if err != nil {
		return switches, err
	}
	return designs.SwitchesOf(m)
}

// healed returns the plan with a heal at the end, unless it has one by then.
func healed(p faults.Plan, at int64) faults.Plan {
	last := p.Healed()
	for i := range p.Faults {
		if f := &p.Faults[i]; f.Kind == faults.Heal && f.At >= last && f.At <= at {
			return p
		}
	}
	p = p.Clone()
	p.Faults = append(p.Faults, faults.Fault{At: at, Kind: faults.Heal})
	return p
}

func planLines(p faults.Plan) []string {
	return strings.Split(strings.TrimRight(p.String(), "\n"), "\n")
}

// checkLimits has the broker say what it thinks of the limits.
func checkLimits(c *rundir.Cluster) error {
	sizes := rundir.Cluster{Nodes: 1, Limits: c.Limits}
	return designs.BrokerConfig(&sizes, 1, []machine.NodeID{1}, broker.Switches{}).Check()
}

// Limits of a run.
const (
	maxNodes    = 9
	maxStreams  = 64
	maxDuration = int64(24 * time.Hour)
	minWindow   = 1 << 10
	maxWindow   = 1 << 30
)

// validate lists every fault of a configuration in one *UsageError.
func validate(c *rundir.Config, found []error) error {
	bad := func(format string, args ...any) { found = append(found, fmt.Errorf(format, args...)) }
	if c.Cluster.Nodes < 1 || c.Cluster.Nodes > maxNodes {
		bad("cluster.nodes: %d must be between 1 and %d", c.Cluster.Nodes, maxNodes)
	}
	if n := len(c.Cluster.Streams); n > maxStreams {
		bad("cluster.streams: there must be at most %d, got %d", maxStreams, n)
	}
	if err := load.ValidateStreams(c.Cluster.Streams, c.Cluster.Nodes); err != nil {
		found = append(found, err)
	}
	if n := c.Cluster.ElectionTicks; n != 0 && (n < 2 || n&(n-1) != 0) {
		bad("cluster.election_ticks: %d must be a power of two of at least 2", n)
	}
	if c.Cluster.TickMS < 0 || c.Cluster.SyncIntervalMS < 0 {
		bad("cluster: tick_ms and sync_interval_ms must not be negative")
	}
	if w := c.Cluster.WindowBytes; w != 0 && (w < minWindow || w > maxWindow) {
		bad("cluster.window_bytes: %d must be between %d and %d", w, minWindow, maxWindow)
	}
	if err := checkLimits(&c.Cluster); err != nil {
		bad("cluster: %w", err)
	}
	if c.LoadUntil <= c.LoadFrom || c.LoadUntil > maxDuration {
		bad("duration: must be above %v, when clients begin, and at most %v", time.Duration(c.LoadFrom), time.Duration(maxDuration))
	}
	if c.Heal <= 0 || c.Heal > c.LoadUntil {
		bad("heal: %v must lie between the start and the end, %v", time.Duration(c.Heal), time.Duration(c.LoadUntil))
	}
	if err := c.Load.Validate(c.Cluster.Streams, c.Cluster.Nodes); err != nil {
		bad("load: %w", err)
	}
	if _, err := faults.Parse(strings.Join(c.Plan, "\n") + "\n"); err != nil {
		bad("plan: %w", err)
	}
	if len(found) == 0 {
		return nil
	}
	return &UsageError{errors.Join(found...).Error()}
}
