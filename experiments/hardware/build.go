package hardware

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim"
	"github.com/brokerlab/brokerlab/sim/choice"
	"github.com/brokerlab/brokerlab/sim/disk"
	"github.com/brokerlab/brokerlab/sim/host"
)

// Host is one machine with a program on it: nats, kafka or redpanda. What gc leaves zero is filled in from the profile; without a
// kind it is the program's own collector: Go's, G1 with Kafka's settings, none.
//
// The kernel's part of an input and of the bytes that go through it is on top of the program's own: bytes read are those of
// parse and raft, bytes written those of deliver and encode.
func (p *Profile) Host(program string, gc host.CollectorConfig) (host.Config, error) {
	if !slices.Contains(programs, program) {
		return host.Config{}, fmt.Errorf("hardware %s: program %q is none of %s", p.Name, program, strings.Join(programs, ", "))
	}
	cost := func(name string) int64 { return p.value(program + "." + name) }
	scaled := func(name string) int64 { return scale(cost(name), p.value("cpu_ppm")) }
	cores := p.value("cores")
	h := host.Config{
		Cores:           int(cores),
		NICPicosPerByte: p.value("nic_ps_per_byte"),
		Collector:       p.collector(program, gc),
		Program: host.Program{
			Lanes: int(min(cost("lanes"), cores)), // a lane needs a core
			Step:  scaled("step_ns") + p.value("kernel.input_ns"),
			Input: p.value("kernel.input_ns"),
			Write: p.value("kernel.output_ns"),
			Wake:  scaled("wake_ns"),
			Base:  cost("base_bytes"),
		},
	}
	for k := range machine.WorkKinds {
		h.Program.Work[k] = host.Cost{
			Nanos: scaled(k.String() + ".ns"), Picos: scaled(k.String() + ".ps_per_byte"),
			Alloc: cost(k.String() + ".alloc_bytes"), PerKB: cost(k.String() + ".alloc_per_kib"),
		}
	}
	for _, k := range []machine.WorkKind{machine.WorkParse, machine.WorkRaft} {
		h.Program.Work[k].Picos += p.value("kernel.read_ps_per_byte")
	}
	for _, k := range []machine.WorkKind{machine.WorkDeliver, machine.WorkEncode} {
		h.Program.Work[k].Picos += p.value("kernel.write_ps_per_byte")
	}
	if faults := h.Validate(); len(faults) > 0 {
		return host.Config{}, fmt.Errorf("hardware %s, program %s: %w", p.Name, program, errors.Join(faults...))
	}
	return h, nil
}

// collector fills in what gc leaves zero.
func (p *Profile) collector(program string, gc host.CollectorConfig) host.CollectorConfig {
	if gc.Kind == "" {
		gc.Kind = p.collectors[program]
	}
	if gc.Kind != host.Go && gc.Kind != host.G1 && gc.Kind != host.ZGC {
		return gc
	}
	fill := func(have *int64, name string) {
		if *have == 0 {
			*have = p.value(gc.Kind + "." + name)
		}
	}
	fill(&gc.MarkPicos, "mark_ps_per_byte")
	if gc.StopMin == 0 && gc.StopMax == 0 { // they are one range
		fill(&gc.StopMin, "stop_min_ns")
		fill(&gc.StopMax, "stop_max_ns")
		fill(&gc.ContendedPermille, "contended_permille")
	}
	switch gc.Kind {
	case host.Go:
		fill(&gc.GOGC, "gogc_percent")
	case host.G1:
		fill(&gc.Heap, "heap_bytes")
		fill(&gc.MaxPause, "max_pause_ns")
		fill(&gc.IHOP, "ihop_percent")
		fill(&gc.SurvivorPermille, "survivor_permille")
	default:
		fill(&gc.Heap, "heap_bytes")
	}
	return gc
}

// Disk is the machine's disk.
func (p *Profile) Disk() disk.Config {
	return disk.Config{
		SyncTime:    choice.NewQuantiles(p.points(syncShape, p.value("disk.sync_ns"))...),
		WriteTime:   choice.NewQuantiles(p.points(cacheShape, p.value("disk.write_ns"))...),
		ReadTime:    choice.NewQuantiles(p.points(cacheShape, p.value("disk.read_ns"))...),
		NameTime:    choice.NewQuantiles(p.points(cacheShape, p.value("disk.name_ns"))...),
		SyncPerKiB:  p.value("disk.sync_ns_per_kib"),
		WritePerKiB: p.value("disk.write_ns_per_kib"),
		ReadPerKiB:  p.value("disk.read_ns_per_kib"),
		Parallel:    int(p.value("disk.parallel")),
		Writeback:   p.value("disk.writeback_ns"),
	}
}

// Network is what lies between such machines.
func (p *Profile) Network() sim.NetworkConfig {
	return sim.NetworkConfig{
		Latency:      choice.NewQuantiles(p.points(latencyShape, p.value("network.latency_ns"))...),
		PicosPerByte: p.value("network.ps_per_byte"),
	}
}

// points is a distribution: a shape, stretched to a median.
func (p *Profile) points(shape string, median int64) (points []choice.Point) {
	for i, q := range quantiles {
		if i == 1 {
			points = append(points, choice.Point{PPM: 500_000, Value: median})
		}
		points = append(points, choice.Point{PPM: q.ppm, Value: scale(median, p.value(shape+"."+q.name))})
	}
	return points
}

// scale is v millionths of ppm, rounded down; the product may be wider than 64 bits, and what is beyond them is the most there is.
func scale(v, ppm int64) int64 {
	hi, lo := bits.Mul64(uint64(v), uint64(ppm))
	if hi >= 1_000_000/2 {
		return 1<<63 - 1
	}
	quo, _ := bits.Div64(hi, lo, 1_000_000)
	return int64(quo)
}
