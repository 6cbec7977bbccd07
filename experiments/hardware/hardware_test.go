package hardware

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/host"
)

func load(t *testing.T, name string) *Profile {
	t.Helper()
	p, err := Load(name)
	require.NoError(t, err)
	return p
}

func value(t *testing.T, p *Profile, name string) Constant {
	t.Helper()
	for _, row := range p.Constants() {
		if row.Name == name {
			return row.Constant
		}
	}
	t.Fatalf("no constant %s", name)
	return Constant{}
}

func TestEveryProfileOfTheBinaryMakesAWholeHost(t *testing.T) {
	require.Equal(t, []string{"server", "two-core"}, Names())
	for _, name := range Names() {
		p := load(t, name)
		require.Equal(t, name, p.Name)
		require.NotEmpty(t, p.About)
		for _, program := range programs {
			h, err := p.Host(program, host.CollectorConfig{})
			require.NoError(t, err, "%s on %s", program, name)
			require.LessOrEqual(t, h.Program.Lanes, h.Cores)
			require.Positive(t, h.Program.Work[machine.WorkRaft].Nanos, "%s on %s", program, name)
			require.Positive(t, h.Program.Work[machine.WorkRaft].Alloc+h.Program.Work[machine.WorkEncode].PerKB, "%s on %s", program, name)
		}
		require.NotEqual(t, p.Disk().SyncTime, p.Disk().WriteTime)
		require.Positive(t, p.Network().PicosPerByte)
		for _, row := range p.Constants() {
			require.NotContains(t, row.Source, "TODO", row.Name)
		}
	}
}

func TestAServersDiskAndNetworkAreNotTheTwoCoreMachines(t *testing.T) {
	median := uint64(1) << 63
	two, server := load(t, "two-core"), load(t, "server")
	require.InDelta(t, value(t, two, "disk.sync_ns").Value, two.Disk().SyncTime.Sample(median), 1)
	require.InDelta(t, value(t, server, "disk.sync_ns").Value, server.Disk().SyncTime.Sample(median), 1)
	require.Less(t, server.Disk().SyncTime.Sample(median), two.Disk().SyncTime.Sample(median))
	require.Greater(t, server.Network().Latency.Sample(median), two.Network().Latency.Sample(median))
}

func TestACollectorIsTheProgramsOwnUnlessAnotherIsAskedFor(t *testing.T) {
	p := load(t, "server")
	for program, want := range map[string]string{"nats": host.Go, "kafka": host.G1, "redpanda": host.NoCollector} {
		h, err := p.Host(program, host.CollectorConfig{})
		require.NoError(t, err)
		require.Equal(t, want, h.Collector.Kind, program)
	}
	h, err := p.Host("kafka", host.CollectorConfig{})
	require.NoError(t, err)
	require.Equal(t, int64(20_000_000), h.Collector.MaxPause)
	require.Equal(t, int64(35), h.Collector.IHOP)
	require.Equal(t, int64(1<<30), h.Collector.Heap)
	h, err = p.Host("kafka", host.CollectorConfig{Kind: host.ZGC, Heap: 4 << 30})
	require.NoError(t, err)
	require.Equal(t, int64(4<<30), h.Collector.Heap, "what was asked for holds")
	require.Positive(t, h.Collector.MarkPicos, "and the rest is the profile's")
	_, err = p.Host("kafka", host.CollectorConfig{Kind: "serial"})
	require.ErrorContains(t, err, `kind "serial" is none of`)
	_, err = p.Host("rabbit", host.CollectorConfig{})
	require.ErrorContains(t, err, "nats, kafka, redpanda")
}

func TestTheKernelsShareIsOnTopOfTheProgramsAndProcessorsScaleTheProgramAlone(t *testing.T) {
	p := load(t, "two-core")
	before, err := p.Host("nats", host.CollectorConfig{})
	require.NoError(t, err)
	slower, err := p.With("cpu_ppm", 2_000_000)
	require.NoError(t, err)
	after, err := slower.Host("nats", host.CollectorConfig{})
	require.NoError(t, err)
	input, read := value(t, p, "kernel.input_ns").Value, value(t, p, "kernel.read_ps_per_byte").Value
	require.Equal(t, input+value(t, p, "nats.step_ns").Value, before.Program.Step)
	require.Equal(t, input+2*value(t, p, "nats.step_ns").Value, after.Program.Step)
	require.Equal(t, read+value(t, p, "nats.raft.ps_per_byte").Value, before.Program.Work[machine.WorkRaft].Picos)
	require.Equal(t, 2*before.Program.Work[machine.WorkRaft].Nanos, after.Program.Work[machine.WorkRaft].Nanos)
	require.Equal(t, before.Program.Work[machine.WorkRaft].Alloc, after.Program.Work[machine.WorkRaft].Alloc)
}

func TestWithChangesACopyAndSaysSo(t *testing.T) {
	p := load(t, "two-core")
	was := value(t, p, "disk.sync_ns")
	q, err := p.With("disk.sync_ns", 5_000_000)
	require.NoError(t, err)
	require.Equal(t, was, value(t, p, "disk.sync_ns"), "the profile itself stays")
	c := value(t, q, "disk.sync_ns")
	require.Equal(t, int64(5_000_000), c.Value)
	require.Equal(t, Assumed, c.Mark)
	require.Contains(t, c.Source, "the profile has 340000")
	require.LessOrEqual(t, c.Low, was.Value)
	require.Equal(t, int64(5_000_000), c.High)
	median := uint64(1) << 63
	require.InDelta(t, 5_000_000, q.Disk().SyncTime.Sample(median), 1)
	require.InDelta(t, 5*p.Disk().SyncTime.Sample(^uint64(0))/340*1000, q.Disk().SyncTime.Sample(^uint64(0)), 1e6, "the tail goes along")

	_, err = p.With("disk.sync", 1)
	require.ErrorContains(t, err, `no constant is named "disk.sync"`)
	require.ErrorContains(t, err, "disk.sync_ns, disk.sync_ns_per_kib")
	require.ErrorContains(t, err, "kafka.store.ps_per_byte")
	_, err = p.With("cores", 0)
	require.ErrorContains(t, err, "value 0 must be between 1 and 1024")
	_, err = p.With("disk.sync_shape.p99", 1)
	require.ErrorContains(t, err, "falls")
}

// changed is a profile's file with one of its constants changed.
func changed(t *testing.T, change func(doc map[string]any)) string {
	t.Helper()
	text, err := files.ReadFile("two-core.json")
	require.NoError(t, err)
	var doc map[string]any
	require.NoError(t, json.Unmarshal(text, &doc))
	change(doc)
	text, err = json.Marshal(doc)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "mine.json")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

func TestAFilesFaultsAreListedAllAtOnce(t *testing.T) {
	path := changed(t, func(doc map[string]any) {
		k := doc["constants"].(map[string]any)
		delete(k, "cores")
		k["disk.sync_ns"].(map[string]any)["unit"] = "ms"
		k["disk.read_ns"].(map[string]any)["mark"] = "guessed"
		k["disk.name_ns"].(map[string]any)["source"] = " "
		k["disk.write_ns"].(map[string]any)["value"] = 0.5
		delete(k["g1.stop_min_ns"].(map[string]any), "low")
		delete(k["g1.stop_min_ns"].(map[string]any), "high")
		k["go.mark_ps_per_byte"].(map[string]any)["low"] = 400
		k["disk.parallel"].(map[string]any)["value"] = 0
		k["disc"] = k["disk.name_ns"]
		doc["programs"] = map[string]any{"rabbit": map[string]any{"constants": map[string]any{}}, "kafka": map[string]any{"collector": "refcount", "constants": map[string]any{}}}
	})
	_, err := Load(path)
	require.Error(t, err)
	for _, want := range []string{
		"cores is missing", `disk.sync_ns: unit "ms" must be "ns"`, `disk.read_ns: mark "guessed"`, "disk.name_ns: source is empty",
		"disk.write_ns: json", "g1.stop_min_ns: an assumed value needs low and high", "go.mark_ps_per_byte: low 400",
		"disk.parallel: value 0 must be", "disc is no constant's name", `program "rabbit" is none of`, `kafka: collector "refcount"`,
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestADistributionThatFallsIsAFault(t *testing.T) {
	path := changed(t, func(doc map[string]any) {
		doc["constants"].(map[string]any)["disk.sync_shape.p99.9"].(map[string]any)["value"] = 1_000_001
	})
	_, err := Load(path)
	require.ErrorContains(t, err, "disk.sync_shape falls from 1823529 to 1000001")
}

func TestAFileWithABaseSaysOnlyWhatIsDifferent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.json")
	require.NoError(t, os.WriteFile(path, []byte(`{
		"name": "mine", "about": "a faster disk, and a Kafka broker on ZGC", "base": "server",
		"constants": {"disk.sync_ns": {"value": 9000, "unit": "ns", "mark": "measured", "source": "fio"}},
		"programs": {"kafka": {"collector": "zgc", "constants": {"store.ns": {"value": 7, "unit": "ns", "mark": "measured", "source": "perf"}}}}
	}`), 0o600))
	mine, server := load(t, path), load(t, "server")
	require.Equal(t, int64(9000), value(t, mine, "disk.sync_ns").Value)
	require.Equal(t, int64(7), value(t, mine, "kafka.store.ns").Value)
	require.Equal(t, value(t, server, "nats.store.ns"), value(t, mine, "nats.store.ns"))
	h, err := mine.Host("kafka", host.CollectorConfig{})
	require.NoError(t, err)
	require.Equal(t, host.ZGC, h.Collector.Kind)
	_, err = Load("laptop")
	require.ErrorContains(t, err, "neither a file nor one of server, two-core")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestAssumedConstantsOfTheBinarySayWhyAndHowFar(t *testing.T) {
	for _, name := range Names() {
		for _, row := range load(t, name).Constants() {
			if row.Mark == Assumed {
				require.True(t, row.Low < row.High && row.Low <= row.Value && row.Value <= row.High, "%s: %s", name, row.Name)
				require.Greater(t, len(strings.Fields(row.Source)), 4, "%s: %s says why", name, row.Name)
			}
		}
	}
}

func TestLoadingTwiceGivesTheSame(t *testing.T) {
	for _, name := range Names() {
		a, b := load(t, name), load(t, name)
		require.Equal(t, a.Constants(), b.Constants())
		for _, program := range programs {
			x, err := a.Host(program, host.CollectorConfig{})
			require.NoError(t, err)
			y, err := b.Host(program, host.CollectorConfig{})
			require.NoError(t, err)
			require.Equal(t, x, y)
		}
		require.Equal(t, a.Disk(), b.Disk())
		require.Equal(t, a.Network(), b.Network())
	}
}

func TestWhatIsWrittenLoadsAgainAndReplacedConstantsAreChecked(t *testing.T) {
	p := load(t, "server")
	measured := func(name string, v int64, unit string) Row {
		return Row{name, Constant{Value: v, Unit: unit, Mark: Measured, Source: `perf, with "quotes", <brackets> and ,"unit": in it`}}
	}
	q, err := p.Replace("mine", "ours", []Row{measured("disk.sync_ns", 77, "ns"), measured("kafka.store.ns", 8, "ns")})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "mine.json")
	require.NoError(t, os.WriteFile(path, q.JSON(), 0o600))
	again := load(t, path)
	require.Equal(t, q, again)
	require.Equal(t, int64(8), value(t, again, "kafka.store.ns").Value)
	require.Equal(t, value(t, p, "redpanda.lanes"), value(t, again, "redpanda.lanes"), "with its band")

	_, err = p.Replace("mine", "", []Row{measured("disk.sync_ns", 77, "us"), measured("kafka.stored", 8, "ns"), measured("kafka.lanes", 0, "count")})
	for _, want := range []string{`disk.sync_ns: unit "us" must be "ns"`, "kafka.stored is no constant's name", "kafka.lanes: value 0 must be"} {
		require.ErrorContains(t, err, want)
	}
}

// Each constant has a value of its own and must reach its own place.
func TestEachConstantReachesItsPlace(t *testing.T) {
	p := load(t, "two-core")
	next, at := int64(1000), map[string]int64{}
	for _, row := range p.Constants() {
		if d := definitionOf(row.Name); d.max >= most && !strings.Contains(row.Name, "shape") {
			next++
			at[row.Name] = next
			if d.min > next {
				at[row.Name] = d.min + next
			}
		}
	}
	at["go.stop_min_ns"], at["g1.stop_min_ns"], at["zgc.stop_min_ns"] = 3, 4, 5
	at["cores"], at["cpu_ppm"], at["nats.lanes"], at["disk.parallel"] = 6, 2_000_000, 8, 9
	at["go.contended_permille"], at["g1.contended_permille"], at["zgc.contended_permille"], at["g1.survivor_permille"], at["g1.ihop_percent"], at["go.gogc_percent"] = 11, 12, 13, 14, 15, 16
	for _, least := range []bool{true, false} { // a range begins below its end
		for name, v := range at {
			if strings.HasSuffix(name, "stop_min_ns") == least {
				var err error
				p, err = p.With(name, v)
				require.NoError(t, err, name)
			}
		}
	}
	h, err := p.Host("nats", host.CollectorConfig{})
	require.NoError(t, err)
	want := host.Config{Cores: 6, NICPicosPerByte: at["nic_ps_per_byte"], Program: host.Program{
		Lanes: 6, Step: 2*at["nats.step_ns"] + at["kernel.input_ns"], Input: at["kernel.input_ns"], Write: at["kernel.output_ns"], Wake: 2 * at["nats.wake_ns"], Base: at["nats.base_bytes"],
	}, Collector: host.CollectorConfig{
		Kind: host.Go, MarkPicos: at["go.mark_ps_per_byte"], StopMin: 3, StopMax: at["go.stop_max_ns"], ContendedPermille: 11, GOGC: 16,
	}}
	for k := range machine.WorkKinds {
		name, kernel := "nats."+k.String(), int64(0)
		switch k {
		case machine.WorkParse, machine.WorkRaft:
			kernel = at["kernel.read_ps_per_byte"]
		case machine.WorkDeliver, machine.WorkEncode:
			kernel = at["kernel.write_ps_per_byte"]
		}
		want.Program.Work[k] = host.Cost{Nanos: 2 * at[name+".ns"], Picos: 2*at[name+".ps_per_byte"] + kernel, Alloc: at[name+".alloc_bytes"], PerKB: at[name+".alloc_per_kib"]}
	}
	require.Equal(t, want, h)
	g1, err := p.Host("nats", host.CollectorConfig{Kind: host.G1, StopMin: 77})
	require.NoError(t, err)
	require.Equal(t, host.CollectorConfig{
		Kind: host.G1, MarkPicos: at["g1.mark_ps_per_byte"], StopMin: 77, Heap: at["g1.heap_bytes"], MaxPause: at["g1.max_pause_ns"], IHOP: 15, SurvivorPermille: 14,
	}, g1.Collector, "a range that was given is not mixed with the profile's")
	zgc, err := p.Host("nats", host.CollectorConfig{Kind: host.ZGC})
	require.NoError(t, err)
	require.Equal(t, host.CollectorConfig{
		Kind: host.ZGC, MarkPicos: at["zgc.mark_ps_per_byte"], StopMin: 5, StopMax: at["zgc.stop_max_ns"], ContendedPermille: 13, Heap: at["zgc.heap_bytes"],
	}, zgc.Collector)
	d, median := p.Disk(), uint64(1)<<63
	require.Equal(t, []int64{at["disk.sync_ns"], at["disk.write_ns"], at["disk.read_ns"], at["disk.name_ns"]},
		[]int64{d.SyncTime.Sample(median), d.WriteTime.Sample(median), d.ReadTime.Sample(median), d.NameTime.Sample(median)})
	require.Equal(t, []int64{at["disk.sync_ns_per_kib"], at["disk.write_ns_per_kib"], at["disk.read_ns_per_kib"], 9, at["disk.writeback_ns"]},
		[]int64{d.SyncPerKiB, d.WritePerKiB, d.ReadPerKiB, int64(d.Parallel), d.Writeback})
	n := p.Network()
	require.Equal(t, []int64{at["network.latency_ns"], at["network.ps_per_byte"]}, []int64{n.Latency.Sample(median), n.PicosPerByte})
}

func TestScalingIsExactAndDoesNotOverflow(t *testing.T) {
	require.EqualValues(t, 333, scale(1000, 333_999))
	require.EqualValues(t, 2_000_000_000_000_000_000, scale(1_000_000_000_000_000_000, 2_000_000), "the product is wider than 64 bits")
	require.EqualValues(t, int64(1<<63-1), scale(1<<62, 2_000_000))
	require.EqualValues(t, int64(1<<62), scale(1<<61, 2_000_000))
}

func TestAShapeIsStretchedToItsMedian(t *testing.T) {
	p := load(t, "two-core")
	points := p.points(syncShape, 1000)
	var at []uint64
	for _, q := range points {
		at = append(at, q.PPM)
	}
	require.Equal(t, []uint64{0, 500_000, 900_000, 990_000, 999_000, 999_900, 1_000_000}, at)
	require.EqualValues(t, 1000, points[1].Value)
	require.Equal(t, value(t, p, "disk.sync_shape.p99").Value/1000, points[3].Value)
}

func TestEachTimeHasItsShape(t *testing.T) {
	p, most := load(t, "two-core"), ^uint64(0)
	for _, c := range []struct {
		got         int64
		name, shape string
	}{
		{p.Disk().SyncTime.Sample(most), "disk.sync_ns", syncShape},
		{p.Disk().WriteTime.Sample(most), "disk.write_ns", cacheShape},
		{p.Disk().NameTime.Sample(most), "disk.name_ns", cacheShape},
		{p.Network().Latency.Sample(most), "network.latency_ns", latencyShape},
	} {
		require.InEpsilon(t, scale(p.value(c.name), p.value(c.shape+".p100")), c.got, 0.001, c.name)
	}
}

func TestWhatFollowsADocumentIsAFault(t *testing.T) {
	require.ErrorContains(t, decode([]byte("{} {}"), &struct{}{}), "something follows")
	require.ErrorContains(t, decode([]byte(`{"x": 1}`), &struct{}{}), "unknown field")
	path := changed(t, func(doc map[string]any) { doc["name"] = "" })
	_, err := Load(path)
	require.ErrorContains(t, err, "name is empty")
	_, err = load(t, "server").With("go.stop_min_ns", 1<<40)
	require.ErrorContains(t, err, "go.stop_max_ns")
}
