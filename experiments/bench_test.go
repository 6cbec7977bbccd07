package experiments

import (
	"strings"
	"testing"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/history"
)

// BenchmarkStandardRun runs one seed after the other of the standard run, and nothing else: three nodes, one stream of three
// replicas, eight clients with a hundred operations a second in all, the faults of a bad minute. Run it as sweeps run, with
// GOMAXPROCS=1 and GOGC=800.
func BenchmarkStandardRun(b *testing.B) {
	e := quickstart
	e.Cluster, e.Load = oneStream, standardLoad
	benchmarkRun(b, &e)
}

// BenchmarkQuickstart is the same minute with all that the broker has, at two and a half times the rate.
func BenchmarkQuickstart(b *testing.B) { benchmarkRun(b, &quickstart) }

func benchmarkRun(b *testing.B, e *Experiment) {
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
