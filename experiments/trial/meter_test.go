package trial

import (
	"cmp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim"
	"github.com/brokerlab/brokerlab/sim/host"
)

// clocked is a meter of a window from 100 to 200 whose time the test sets.
func clocked(t Trial) (m *meter, now *int64) {
	t.Ready, t.Warm, t.Measure, t.Grace = 40, 60, 100, 50
	m, now = newMeter(&t), new(int64)
	m.now = func() int64 { return *now }
	return m, now
}

var (
	publish = &load.Op{Verb: history.Publish}
	ok      = &load.Outcome{Status: load.OK}
	failed  = &load.Outcome{Status: load.Failed}
	unknown = &load.Outcome{}
)

// The window has its first moment and not its last; what was asked in it counts however late it ends, and what ends in it is done
// however early it was asked.
func TestAWindowCountsWhatIsAskedInItAndWhatEndsInIt(t *testing.T) {
	m, now := clocked(Trial{Keep: true})
	ids := map[int64]uint64{}
	for _, at := range []int64{99, 100, 150, 199, 200} {
		*now = at
		ids[at] = m.Invoke(publish)
	}
	require.EqualValues(t, 3, m.m.Offered)
	require.EqualValues(t, 3, m.open())
	end := func(asked, at int64, out *load.Outcome) {
		*now = at
		seat{m, 7}.Complete(ids[asked], publish, out)
	}
	end(99, 160, ok)
	require.EqualValues(t, 1, m.m.Done)
	end(150, 199, ok)
	end(100, 200, ok)
	require.EqualValues(t, 2, m.m.Done, "200 is not of the window")
	require.EqualValues(t, 2, m.m.OK)
	require.EqualValues(t, 3, m.current.Done)
	require.EqualValues(t, 100, m.current.Max)
	end(200, 210, failed)
	require.Zero(t, m.m.Failed)
	require.EqualValues(t, 1, m.current.Failed)
	end(199, 220, unknown)
	require.EqualValues(t, []int64{2, 0, 1, 0}, []int64{m.m.OK, m.m.Failed, m.m.Unknown, m.open()})
	require.EqualValues(t, 2, m.m.Latency.TotalCount(), "latency is of what ended well")
	require.Equal(t, []Completion{{7, 150, 199, true}, {7, 100, 200, true}, {7, 199, 220, false}}, m.m.Completions)
}

func TestOnlyWhatATrialIsAboutIsMeasured(t *testing.T) {
	m, now := clocked(Trial{})
	*now = 150
	for v, is := range map[history.Verb]bool{
		history.Publish: true, history.Send: true, history.Request: true, history.Read: true, history.Last: true, history.NextOf: true,
		history.Create: false, history.Subscribe: false, history.Ack: false,
	} {
		was := m.m.Offered
		m.Complete(m.Invoke(&load.Op{Verb: v}), &load.Op{Verb: v}, ok)
		require.Equal(t, is, m.m.Offered-was == 1, v)
	}
	require.EqualValues(t, 6, m.m.Done)
}

// Of two receivers one has got it: what it waited counts, and so does, at the end, what the other has waited.
func TestWhatIsOwedToReceivers(t *testing.T) {
	tr := Trial{Receivers: 2, Load: load.Spec{Groups: []load.Group{{Follow: &load.Follow{}}}}}
	m, now := clocked(tr)
	*now = 110
	m.Complete(m.Invoke(&load.Op{Verb: history.Publish, Value: "a"}), publish, ok)
	require.EqualValues(t, 2, m.open())
	*now = 190
	m.Deliver(&load.Delivery{Value: "a"})
	m.Deliver(&load.Delivery{Value: "before the window"})
	require.EqualValues(t, []int64{2, 1, 1}, []int64{m.m.Delivered, m.m.Arrived, m.open()})
	*now = 200
	m.Deliver(&load.Delivery{Value: "a"})
	m.Deliver(&load.Delivery{Value: "a"}) // again
	require.EqualValues(t, []int64{2, 3, 0}, []int64{m.m.Delivered, m.m.Arrived, m.open()})
	require.EqualValues(t, 3, m.m.Arrival.TotalCount())
	require.Nil(t, newMeter(&Trial{Receivers: 1}).sent, "nobody receives")
}

func TestWhatTheWorldTellsAMeter(t *testing.T) {
	m, _ := clocked(Trial{})
	h := m.hooks()
	for _, at := range []int64{99, 100, 249, 250} {
		h.Collector(300, 2, &host.Event{At: at})
	}
	require.Equal(t, []Collected{{2, host.Event{At: 100}}, {2, host.Event{At: 249}}}, m.m.GC, "of the window and the grace")
	h.Observe(5, 3, &machine.Observation{Kind: machine.Leader, Group: 9, Stream: "S"})
	h.Observe(6, 3, &machine.Observation{})
	require.Equal(t, []Leadership{{5, 3, 9, "S"}}, m.m.Leaders)
}

func TestTheMostOfEachUse(t *testing.T) {
	var n Node
	n.most([]machine.Use{{Kind: "a", Bytes: 5, Count: 1}})
	n.most([]machine.Use{{Kind: "b", Bytes: 7}, {Kind: "a", Bytes: 3, Count: 4}})
	require.Equal(t, []machine.Use{{Kind: "a", Bytes: 5, Count: 4}, {Kind: "b", Bytes: 7}}, n.Uses)
}

func TestRatesAndQuantiles(t *testing.T) {
	m := &Measured{Window: 400 * ms}
	require.EqualValues(t, 3, m.Rate(1), "2.5 rounded")
	require.EqualValues(t, 250, m.Rate(100))
	m.Window = 20_000 * ms
	require.EqualValues(t, 54_975_581_389, m.Rate(1<<40), "a tebibyte in 20 s, rounded")
	h := newHistogram()
	for v := range int64(1000) {
		require.NoError(t, h.RecordValue((v+1)*1_000_000))
	}
	require.InEpsilon(t, 500e6, Quantile(h, 500_000), 0.001)
	require.InEpsilon(t, 999e6, Quantile(h, 999_000), 0.001)
	require.NoError(t, h.RecordValue(int64(3599e9)), "an hour")
	require.InEpsilon(t, int64(3599e9), h.Max(), 0.001)
}

func TestEventsAreCountedByKind(t *testing.T) {
	c := &Collections{}
	for _, e := range []host.Event{
		{Kind: host.Pause, At: 3, Nanos: 9}, {Kind: host.Mark, At: 2, Nanos: 4}, {Kind: host.Mark, At: 1, Nanos: 6}, {Kind: host.Stall}, {Kind: host.Heap, Heap: 8}, {Kind: host.Heap, Heap: 7},
	} {
		c.Add(e)
	}
	c.Sort()
	require.Equal(t, []int64{9}, c.Pauses)
	require.Equal(t, []int64{4, 6}, c.Marks)
	require.Equal(t, 1, c.Stalls)
	require.EqualValues(t, 8, c.Heap)
	require.Len(t, c.Events, 6)
}

// steady publishes 1000 a second for 400 ms on costed hardware.
func steady() Trial {
	return Trial{
		Seed: 3, Hardware: "server", Ready: 1500 * ms, Warm: 100 * ms, Measure: 400 * ms, Sample: 150 * ms,
		Cluster: rundir.Cluster{Nodes: 3, Streams: []load.StreamSpec{{Name: "S", Replicas: 3}}},
		Load:    load.Spec{Groups: []load.Group{{Name: "p", Count: 2, PublishPerSecond: 1000}}},
	}
}

func TestAWindowIsSampledToItsEdges(t *testing.T) {
	m, err := Run(steady())
	require.NoError(t, err)
	var ends []int64
	done, window := int64(0), make([]int64, 3)
	for _, s := range m.Samples {
		ends = append(ends, s.At-m.From)
		done += s.Done
		for n, b := range s.Busy {
			window[n] += b
			require.Positive(t, s.Live[n])
		}
		if s.At == m.From+m.Window {
			require.EqualValues(t, m.Done, done, "what samples of the window have done")
			for n := range window {
				require.Equal(t, window[n], m.Nodes[n].Busy)
				require.Equal(t, s.Live[n], m.Nodes[n].Live)
				require.LessOrEqual(t, m.Nodes[n].Live, m.Nodes[n].Peak)
			}
		}
	}
	require.Equal(t, []int64{150 * ms, 300 * ms, 400 * ms}, ends[:3])
	require.Less(t, ends[len(ends)-1], 1000*ms, "when all is answered there is no more to wait for")
	require.InDelta(t, 400, m.Offered, 80)
	require.Equal(t, m.Offered, m.OK)
	require.Equal(t, m.OK, m.Latency.TotalCount())
	require.InDelta(t, m.OK, m.Nodes[0].Work[machine.WorkStore].Count, 40, "the window's work, each node's its own")
	require.InDelta(t, 1000, m.Rate(m.Done), 200)
	for _, n := range m.Nodes {
		require.Positive(t, n.Allocated)
		require.Greater(t, n.Busy, n.Work[machine.WorkStore].Count*1000, "a microsecond each at least")
		require.Less(t, n.Busy, m.Window)
	}
}

// Nobody answers from the middle of the window on: what is open has waited to the end, and is in the tail.
func TestWhatIsStillOpenCountsWithTheTimeThatItHasWaited(t *testing.T) {
	tr := steady()
	tr.Grace = 300 * ms
	tr.Plan = faults.Plan{Faults: []faults.Fault{{At: tr.Ready + 300*ms, Kind: faults.Pause, Targets: []faults.Target{faults.Everyone()}, For: 10_000 * ms}}}
	m, err := Run(tr)
	require.NoError(t, err)
	require.Greater(t, m.Open, m.Offered/4)
	require.Equal(t, m.Offered, m.OK+m.Failed+m.Unknown+m.Open)
	require.Equal(t, m.OK+m.Open, m.Latency.TotalCount())
	require.Greater(t, Quantile(m.Latency, 950_000), 300*ms)
	require.LessOrEqual(t, m.Latency.Max(), 700*ms)
}

// A node that dies in the window and is back has used what both of its lives did, as the work that it charged says.
func TestANodeThatStartsAgainCountsBothLives(t *testing.T) {
	tr := steady()
	tr.Measure, tr.Sample = 3000*ms, 1000*ms
	alone, err := Run(tr)
	require.NoError(t, err)
	for at, away := range map[int64]int64{1000 * ms: 10 * ms, 2900 * ms: 1000 * ms} { // the second lasts beyond the window
		tr.Plan.Faults = append(tr.Plan.Faults, faults.Fault{At: tr.Ready + at, Kind: faults.Crash, Targets: []faults.Target{faults.Node(3)}, For: away})
	}
	slices.SortFunc(tr.Plan.Faults, func(a, b faults.Fault) int { return cmp.Compare(a.At, b.At) })
	m, err := Run(tr)
	require.NoError(t, err)
	require.EqualValues(t, 2, m.World.Deaths)
	require.Equal(t, sim.Stats{}.Deaths, alone.World.Deaths)
	require.InEpsilon(t, alone.Nodes[2].Busy, m.Nodes[2].Busy, 0.23, "of 3 s it was away for a tenth of one")
	require.InEpsilon(t, alone.Nodes[2].Allocated, m.Nodes[2].Allocated, 0.23)
	peak := int64(0)
	for _, s := range m.Samples {
		if s.At <= m.From+m.Window {
			peak = max(peak, s.Live[2])
		}
	}
	require.Equal(t, peak, m.Nodes[2].Peak)
	require.Less(t, m.Nodes[2].Live, peak, "it is down when the window ends")
}

func TestATrialsFaultsAreListedAllAtOnce(t *testing.T) {
	tr := steady()
	tr.Measure, tr.Warm, tr.Sample, tr.Set = 0, -1, -1, []string{"sync=maybe", "colour=red"}
	_, err := Run(tr)
	require.ErrorContains(t, err, "measure 0 must be above 0, warm -1 not below, sample -1 above 0")
	require.ErrorContains(t, err, "maybe")
	require.ErrorContains(t, err, "colour")
	d := Trial{Cluster: rundir.Cluster{Streams: make([]load.StreamSpec, 3)}, Warm: 7}.withDefaults()
	require.Equal(t, []int64{4030 * ms, 5000 * ms, 60_000 * ms, 100 * ms}, []int64{d.Ready, d.Grace, d.Timeout, d.Sample})
	require.Equal(t, 4030*ms+7, d.From())
}

func TestHardwareConstantsAndFreeSteps(t *testing.T) {
	at := func(change func(*Trial)) *Measured {
		tr := steady()
		change(&tr)
		m, err := Run(tr)
		require.NoError(t, err)
		return m
	}
	usual, free := at(func(*Trial) {}), at(func(tr *Trial) { tr.Free = true })
	require.Zero(t, free.Nodes[0].Busy)
	require.Less(t, Quantile(free.Latency, 500_000), Quantile(usual.Latency, 500_000))
	r, err := prepare(Trial{Profile: "kafka", Hardware: "server", Constants: map[string]int64{"disk.sync_ns": 77, "cores": 3, "network.latency_ns": 5}, Measure: 1, Sample: 1, Cluster: rundir.Cluster{Nodes: 2}, Load: steady().Load})
	require.ErrorContains(t, err, "stream")
	require.Nil(t, r)
	r, err = prepare(steady().withDefaults())
	require.NoError(t, err)
	r.Constants = map[string]int64{"disk.sync_ns": 77, "cores": 3, "network.latency_ns": 5000}
	cfg, err := r.world()
	require.NoError(t, err)
	require.Equal(t, []int64{77, 5000, 3}, []int64{cfg.Disk.SyncTime.Sample(1 << 63), cfg.Network.Latency.Sample(1 << 63), int64(cfg.Processes[2].Host.Cores)})
	require.Zero(t, cfg.Processes[3].Host.Cores, "clients cost nothing")
	slow := at(func(tr *Trial) { tr.Constants = map[string]int64{"disk.sync_ns": 10 * ms} })
	require.Greater(t, Quantile(slow.Latency, 500_000), 10*ms)
	none := at(func(tr *Trial) { tr.Collector = &host.CollectorConfig{Kind: host.Stops, Every: 50 * ms, StopMin: ms} })
	require.InDelta(t, 8, len(none.Collections(0).Pauses), 7)
	require.EqualValues(t, ms, none.Collections(0).Pause(1000))
}

// What is asked while the trial warms up is load and is not counted, in bytes as in numbers.
func TestAWarmUpIsLoadThatDoesNotCount(t *testing.T) {
	run := func(warm int64) *Measured {
		tr := steady()
		tr.Warm = warm
		m, err := Run(tr)
		require.NoError(t, err)
		return m
	}
	cold, warm := run(0), run(1600*ms)
	require.InEpsilon(t, cold.Offered, warm.Offered, 0.2)
	a, b := cold.Nodes[0].Work[machine.WorkStore], warm.Nodes[0].Work[machine.WorkStore]
	require.InEpsilon(t, a.Bytes/a.Count, b.Bytes/b.Count, 0.1)
	require.Greater(t, warm.Nodes[0].Live, 2*cold.Nodes[0].Live, "five times as much has been published")
}
