package experiments

import (
	"os"
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
)

// customCluster is the form of a --cluster file: a cluster, and how long the run lasts.
type customCluster struct {
	rundir.Cluster
	// DurationS is how long clients keep asking, in virtual seconds; QuietS is how much of it
	// comes after the last fault.
	DurationS int64 `json:"duration_s"`
	QuietS    int64 `json:"quiet_s,omitempty"`
	// Question is what the report says it is about.
	Question string `json:"question,omitempty"`
}

// Custom is an experiment from a user's files: cluster and load in JSON, faults as a plan's text.
// A file that cannot be read or understood is a *UsageError that names file, line and column.
func Custom(clusterFile, loadFile, planFile string) (Experiment, error) {
	var c customCluster
	if err := strictFile("--cluster", clusterFile, &c); err != nil {
		return Experiment{}, err
	}
	var l load.Spec
	if err := strictFile("--load", loadFile, &l); err != nil {
		return Experiment{}, err
	}
	text, err := os.ReadFile(planFile)
	if err != nil {
		return Experiment{}, usagef("--plan: %v", err)
	}
	plan, err := faults.Parse(string(text))
	if err != nil {
		return Experiment{}, usagef("--plan %s: %v", planFile, err)
	}
	if c.DurationS == 0 {
		c.DurationS = 60
	}
	if c.QuietS == 0 {
		c.QuietS = 10
	}
	const most = int64(maxDuration) / int64(time.Second)
	if c.DurationS < 0 || c.DurationS > most || c.QuietS < 0 || c.QuietS >= c.DurationS {
		return Experiment{}, usagef("--cluster %s: duration_s %d must be between 1 and %d, and quiet_s %d below it", clusterFile, c.DurationS, most, c.QuietS)
	}
	if end := time.Duration(plan.Healed()); end > time.Duration(c.DurationS-c.QuietS)*time.Second {
		return Experiment{}, usagef("--plan %s: its last fault ends at %v, but clients stop at %d s and the last %d s are to be quiet: raise duration_s or lower quiet_s",
			planFile, end, c.DurationS, c.QuietS)
	}
	return Experiment{
		Name: customName, Question: c.Question, Cluster: c.Cluster, Load: l,
		Faults:   func(load.Key, rundir.Cluster) faults.Plan { return plan },
		Duration: time.Duration(c.DurationS) * time.Second, Quiet: time.Duration(c.QuietS) * time.Second,
	}, nil
}

const customName = "custom"

// strictFile reads a JSON file; unknown fields are errors.
func strictFile(flag, path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return usagef("%s: %v", flag, err)
	}
	if err := rundir.Strict(text, v); err != nil {
		return usagef("%s %s: %v", flag, path, err)
	}
	return nil
}
