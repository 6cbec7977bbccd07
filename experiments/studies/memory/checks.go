package memory

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// Bounds of the configurations that are compared: defaults of impl/broker and impl/kafka where not said otherwise.
const (
	cacheBound   = 4 << 20   // CacheBytes, of a stream and of a partition
	tailBound    = 4 << 20   // TailBytes, of a Raft group
	keepSlack    = 256 << 10 // MaxBatch: one entry more than a bound may come before it is looked at
	pendingBound = 1 << 20   // PendingBytes of a slow subscriber, set for this study (64 MiB by default)
	slowBytes    = 4096      // a message to slow subscribers
)

// groups that hold logs.
func groups(axis string, n int64) int64 {
	if axis == "partitions" {
		return n
	}
	return 1
}

// storeBound is the index of count messages on n subjects, and caches.
func storeBound(axis string, n, count int64) int64 {
	subjects := int64(4)
	if axis == "subjects" {
		subjects = n
	}
	return 2*(24*count+(72+56)*subjects) + (groups(axis, n)+1)*3*cacheBound
}

// boundCheck holds a kind of use to its bound, on every size of some axes.
func boundCheck(u *study.Rows, name, expected, kind string, axes []string, s *systems.System, bound func(axis string, n, count int64) int64) study.Check {
	check := study.Check{Name: name, Expected: expected, Holds: true}
	nearest, seen := 0.0, 0
	for _, axis := range axes {
		rows := u.Where("axis", axis, "system", s.Name, "kind", kind)
		for i := range rows.Len() {
			n, have := rows.Int(i, "n"), rows.Int(i, "bytes")
			limit := bound(axis, n, rows.Int(i, "count"))
			check.Holds = check.Holds && have <= limit
			seen++
			if share := float64(have) / float64(limit); share > nearest {
				nearest = share
				check.Found = fmt.Sprintf("nearest to it: %s of %s, with %s = %d", words.Bytes(float64(have)), words.Bytes(float64(limit)), axis, n)
			}
		}
	}
	check.Holds = check.Holds && seen > 0
	return check
}

// checks hold each kind of use to its bound.
func checks(u *study.Rows) []study.Check {
	return []study.Check{
		boundCheck(u, "raft-tail-bounded", "the uncompacted log in memory is at most TailBytes (4 MiB) and one batch (256 KiB) a group, streams and the cluster's own", "raft tail",
			[]string{"messages", "subjects", "partitions"}, &systems.Reference, func(axis string, n, _ int64) int64 { return (groups(axis, n) + 1) * (tailBound + keepSlack) }),
		boundCheck(u, "cache-bounded", "beyond 24 bytes a message of index, 72 a subject, both doubled at most by growing, a stream keeps its newest messages up to CacheBytes (4 MiB), a cached one taking 104 bytes more than itself: at most three times CacheBytes", "stores",
			[]string{"messages", "subjects", "partitions"}, &systems.Reference, storeBound),
		boundCheck(u, "slow-subscribers-bounded", "what waits for subscribers that do not read is at most PendingBytes (1 MiB here) each", "connections",
			[]string{"slow subscribers"}, &systems.Reference, func(_ string, n, _ int64) int64 { return n*pendingBound + 8*keepSlack }),
		boundCheck(u, "partition-cache-bounded", "Kafka's design keeps at most CacheBytes (4 MiB) of each partition's log, and one batch", "partition logs",
			[]string{"messages", "partitions"}, &systems.KafkaAll, func(axis string, n, _ int64) int64 { return groups(axis, n) * (cacheBound + keepSlack) }),
	}
}
