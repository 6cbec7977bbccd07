package experiments

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
)

// TestClusterStories runs the transcripts in testdata/stories: the real broker in the world, a plan in,
// what happened out. Rewrite them with -rewrite, and commit only what you understand.
//
//	run profile=nats seed=3 nodes=3 until=8s [switch=value...]
//	the plan's faults
//	----
//	leaders, recoveries and faults in order; what became of the messages; what does not hold
func TestClusterStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			story, err := tell(d)
			if err != nil {
				return "error: " + err.Error() + "\n"
			}
			return story
		})
	})
}

func tell(d *datadriven.TestData) (string, error) {
	var o Options
	seed, nodes, until := rundir.Seed(1), 3, 10*time.Second
	for _, a := range d.CmdArgs {
		var err error
		switch a.Key {
		case "profile":
			o.Profile = a.Vals[0]
		case "seed":
			_, err = fmt.Sscan(a.Vals[0], &seed)
		case "nodes":
			_, err = fmt.Sscan(a.Vals[0], &nodes)
		case "until":
			until, err = time.ParseDuration(a.Vals[0])
		default:
			o.Set = append(o.Set, a.Key+"="+a.Vals[0])
		}
		if err != nil {
			return "", err
		}
	}
	plan, err := faults.Parse("plan v1\n" + d.Input + "\n")
	if err != nil {
		return "", err
	}
	e := Experiment{
		Name: "story", Cluster: rundir.Cluster{Nodes: nodes, Streams: []load.StreamSpec{{Name: ordersName, Replicas: nodes}}},
		Load:     load.Spec{Groups: []load.Group{{Name: "c", Count: 2, PublishPerSecond: 10, Bytes: 64}}},
		Faults:   func(load.Key, rundir.Cluster) faults.Plan { return plan },
		Duration: until, Quiet: 2 * time.Second,
	}
	c, err := e.Config(seed, o)
	if err != nil {
		return "", err
	}
	res, err := Execute(c, nil)
	if err != nil {
		return "", err
	}
	return narrate(res), nil
}

// narrate renders what a reader wants of a run.
func narrate(res *Result) string {
	var b strings.Builder
	for i := range res.History.Events {
		if line := narrated(&res.History.Events[i]); line != "" {
			fmt.Fprintf(&b, "%7.3f %s\n", float64(res.History.Events[i].Time)/1e9, line)
		}
	}
	fates := map[string]int{}
	var order []string
	for _, f := range checker.Fates(res.History) {
		name := string(f.Fate)
		if fates[name]++; fates[name] == 1 {
			order = append(order, name)
		}
	}
	for _, f := range order {
		fmt.Fprintf(&b, "messages %s: %d\n", f, fates[f])
	}
	fmt.Fprintf(&b, "%s", res.Manifest.Verdict)
	for _, id := range res.Manifest.Violated {
		fmt.Fprintf(&b, " %s", id)
	}
	b.WriteString("\n")
	return b.String()
}

func narrated(e *history.Event) string {
	switch {
	case e.Kind == history.Fault && e.On:
		return e.Why
	case e.Kind != history.Obs:
		return ""
	}
	switch e.Verb {
	case history.Up:
		return fmt.Sprintf("n%d is up", e.Node)
	case history.Down:
		return fmt.Sprintf("n%d is down: %s", e.Node, e.Why)
	case history.Healed, history.Drained:
		return string(e.Verb)
	case "leader":
		return fmt.Sprintf("n%d leads %s in term %d", e.Node, groupName(e), e.Term)
	case "recovered":
		return fmt.Sprintf("n%d's store ends at %d, its log at entry %d", e.Node, e.Seq, e.Idx)
	case "truncated":
		return fmt.Sprintf("n%d cuts its log of %s from entry %d: %s", e.Node, groupName(e), e.Idx, e.Why)
	case history.Harmed:
		return fmt.Sprintf("n%d's disk: %s", e.Node, e.Why)
	case "rejoined":
		return fmt.Sprintf("n%d counts in %s again, in its life %d", e.Node, groupName(e), e.Member>>32)
	case "damaged":
		return fmt.Sprintf("n%d leaves %s: %s", e.Node, groupName(e), e.Why)
	}
	return ""
}

func groupName(e *history.Event) string {
	if e.Stream == "" {
		return "meta"
	}
	return e.Stream
}
