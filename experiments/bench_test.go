package experiments

import (
	"strings"
	"testing"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/history"
)

// BenchmarkStandardRun runs quickstart's world, and nothing else, on one seed after the other: three
// nodes, one stream of three replicas, eight clients, a hundred operations a second, faults on. Run it
// as sweeps run, with GOMAXPROCS=1 and GOGC=800.
func BenchmarkStandardRun(b *testing.B) {
	e, err := Find("quickstart")
	if err != nil {
		b.Fatal(err)
	}
	var events, operations, virtual uint64
	for i := 0; b.Loop(); i++ {
		c, err := e.Config(rundir.Seed(i+1), Options{Profile: "reference"})
		if err != nil {
			b.Fatal(err)
		}
		plan, err := faults.Parse(strings.Join(c.Plan, "\n") + "\n")
		if err != nil {
			b.Fatal(err)
		}
		r := &run{config: &c, recorder: newRecorder(history.Header{})}
		w, err := r.world(plan, nil)
		if err != nil {
			b.Fatal(err)
		}
		r.play(w)
		events += w.Stats().Events
		virtual += uint64(w.Now())
		operations += r.recorder.ops
	}
	seconds := b.Elapsed().Seconds()
	b.ReportMetric(float64(events)/seconds, "events/s")
	b.ReportMetric(float64(events)/float64(operations), "events/op")
	b.ReportMetric(float64(virtual)/1e9/seconds, "virtual-s/s")
}
