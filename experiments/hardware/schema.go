package hardware

import (
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/host"
)

// Programs are the designs whose costs a profile knows.
var programs = []string{"nats", "kafka", "redpanda"}

const (
	nanos      = "ns"
	picosByte  = "ps/byte"
	nanosKiB   = "ns/KiB"
	sizeBytes  = "bytes"
	bytesKiB   = "bytes/KiB"
	millionths = "ppm"
	number     = "count"
	permille   = "permille"
	percent    = "percent"
)

// quantiles are the points of a distribution beside its median, as shares of a million: their values are given in millionths of
// the median, so that a median can be swept and the shape stays.
var quantiles = []struct {
	name string
	ppm  uint64
}{{"p0", 0}, {"p90", 900_000}, {"p99", 990_000}, {"p99.9", 999_000}, {"p99.99", 999_900}, {"p100", 1_000_000}}

// machineConstants are those of a machine, in the order of tables.
func machineConstants() []definition {
	list := []definition{
		{"cores", number, 1, 1024},
		{"cpu_ppm", millionths, 1000, 1_000_000_000},
		{"nic_ps_per_byte", picosByte, 0, most},
		{"kernel.input_ns", nanos, 0, most},
		{"kernel.output_ns", nanos, 0, most},
		{"kernel.read_ps_per_byte", picosByte, 0, most},
		{"kernel.write_ps_per_byte", picosByte, 0, most},
		{"disk.sync_ns", nanos, 1, most},
		{"disk.sync_ns_per_kib", nanosKiB, 1, most},
		{"disk.write_ns", nanos, 1, most},
		{"disk.write_ns_per_kib", nanosKiB, 1, most},
		{"disk.read_ns", nanos, 1, most},
		{"disk.read_ns_per_kib", nanosKiB, 1, most},
		{"disk.name_ns", nanos, 1, most},
		{"disk.parallel", number, 1, 1024},
		{"disk.writeback_ns", nanos, 1, most},
		{"network.latency_ns", nanos, 1, most},
		{"network.ps_per_byte", picosByte, 1, most},
	}
	for _, shape := range []string{syncShape, cacheShape, latencyShape} {
		for _, q := range quantiles {
			list = append(list, definition{shape + "." + q.name, millionths, 0, most})
		}
	}
	return append(list, collectorConstants()...)
}

// Shapes: of a sync, of whatever the page cache and the file system's memory do, of a segment's way.
const (
	syncShape    = "disk.sync_shape"
	cacheShape   = "disk.cache_shape"
	latencyShape = "network.latency_shape"
)

// collectorConstants are what a collector's zero settings stand for on this machine.
func collectorConstants() (list []definition) {
	for _, kind := range []string{host.Go, host.G1, host.ZGC} {
		list = append(list,
			definition{kind + ".mark_ps_per_byte", picosByte, 1, most},
			definition{kind + ".stop_min_ns", nanos, 1, most},
			definition{kind + ".stop_max_ns", nanos, 1, most},
			definition{kind + ".contended_permille", permille, 1, 1000})
		switch kind {
		case host.Go:
			list = append(list, definition{"go.gogc_percent", percent, 1, 1_000_000})
		case host.G1:
			list = append(list,
				definition{"g1.heap_bytes", sizeBytes, 1 << 20, most},
				definition{"g1.max_pause_ns", nanos, 1, most},
				definition{"g1.ihop_percent", percent, 1, 100},
				definition{"g1.survivor_permille", permille, 1, 1000})
		default:
			list = append(list, definition{"zgc.heap_bytes", sizeBytes, 1 << 20, most})
		}
	}
	return list
}

// programConstants are those of a program.
func programConstants() []definition {
	list := []definition{
		{"lanes", number, 1, 1024},
		{"step_ns", nanos, 0, most},
		{"wake_ns", nanos, 0, most},
		{"base_bytes", sizeBytes, 0, most},
	}
	for k := range machine.WorkKinds {
		name := k.String()
		list = append(list,
			definition{name + ".ns", nanos, 0, most},
			definition{name + ".ps_per_byte", picosByte, 0, most},
			definition{name + ".alloc_bytes", sizeBytes, 0, most},
			definition{name + ".alloc_per_kib", bytesKiB, 0, most})
	}
	return list
}

func find(list []definition, name string) *definition {
	i := slices.IndexFunc(list, func(d definition) bool { return d.name == name })
	if i < 0 {
		return nil
	}
	return &list[i]
}
