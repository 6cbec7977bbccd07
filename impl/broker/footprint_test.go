package broker

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/impl/interest"
)

// heapOf is how many bytes what make makes keeps on the heap.
func heapOf(build func() any) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	kept := build()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(kept)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

// What Footprint reckons a subscription to take is what it takes, to within a half.
func TestASubscriptionTakesWhatItIsReckonedAt(t *testing.T) {
	const n = 20_000
	took := heapOf(func() any {
		index := interest.New[*subscription]()
		for i := range n {
			s := &subscription{filter: fmt.Sprintf("orders.region%d.item%d", i%50, i), sid: fmt.Sprint(i)}
			index.Add(s.filter, "", s)
		}
		return index
	}) / n
	t.Logf("%d bytes a subscription", took)
	require.InEpsilon(t, float64(interestBytes), float64(took), 0.5)
}
