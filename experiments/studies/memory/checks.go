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
				check.Found = fmt.Sprintf("nearest to it: %s of %s, with %s = %d", words.BytesText(float64(have)), words.BytesText(float64(limit)), axis, n)
			}
		}
	}
	check.Holds = check.Holds && seen > 0
	return check
}
