package failover

import (
	"reflect"
	"testing"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/trial"
)

func TestAGapRunsFromTheLastAnswerBeforeAFault(t *testing.T) {
	done := []trial.Completion{
		{Client: 0, At: 10 * ms, OK: true},
		{Client: 1, At: 25 * ms, OK: true},
		{Client: 1, At: 200 * ms}, // failed: no acknowledgement
		{Client: 0, At: 400 * ms, OK: true},
		{Client: 1, At: 900 * ms, OK: true},
		{Client: 0, At: 950 * ms, OK: true},
	}
	got := silences(done, 2, 30*ms, 1000*ms)
	want := silence{usual: 15 * ms, longest: 500 * ms, anyClient: 875 * ms, silent: 875 * ms, ended: true}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAGapThatNeverEndsRunsToTheEndOfTheLoad(t *testing.T) {
	done := []trial.Completion{{At: 10 * ms, OK: true}, {At: 40 * ms, OK: true}}
	if got := silences(done, 1, 50*ms, 1000*ms); got.ended || got.longest != 960*ms || got.silent != 960*ms {
		t.Errorf("got %+v", got)
	}
	if got := silences(nil, 1, 50*ms, 1000*ms); got.ended || got.longest != 950*ms || got.anyClient != 950*ms {
		t.Errorf("nothing at all: got %+v", got)
	}
}

// cell runs one cell in this process.
func cell(t *testing.T, s systems.System, fault string) study.Output {
	t.Helper()
	var out study.Output
	for _, f := range troubles {
		if f.name != fault {
			continue
		}
		if err := faultPoint(s, f, &study.Options{Size: study.Small, Hardware: "server"}, 1, &out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestAFailoverIsTheSameEachTimeAndWithinItsTimers(t *testing.T) {
	for _, s := range [...]systems.System{systems.Reference, systems.KafkaAll} {
		once, again := cell(t, s, "crash"), cell(t, s, "crash")
		if !reflect.DeepEqual(once, again) {
			t.Fatalf("%s: two runs differ", s.Name)
		}
		gaps := study.NewRows(tables[0].Columns, once.Rows["gaps"]...)
		for i := range troubles {
			if f := &troubles[i]; f.name == "crash" {
				b := budgetOf(&s, f, gaps.Text(0, "leads_meta") == "1")
				if g := gaps.Int(0, "gap_ns"); g < b.low || g > b.high {
					t.Errorf("%s: %d ns without acknowledgements, want %s", s.Name, g, b)
				}
			}
		}
		if n := gaps.Int(0, "elections"); n != 1 {
			t.Errorf("%s: %d elections, want 1", s.Name, n)
		}
	}
}

func TestSystemsAreStruckAtTheSameTime(t *testing.T) {
	var ats []int64
	for _, s := range compared {
		for _, f := range troubles {
			_, at := faultTrial(s, f, &study.Options{Size: study.Small, Hardware: "server"}, 7)
			ats = append(ats, at)
		}
	}
	for _, at := range ats {
		if at != ats[0] {
			t.Fatalf("struck at %d and at %d", ats[0], at)
		}
	}
	if _, other := faultTrial(systems.Reference, troubles[0], &study.Options{Size: study.Small, Hardware: "server"}, 8); other == ats[0] {
		t.Error("another seed has the same time")
	}
}
