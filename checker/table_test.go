package checker

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestATableIsAMapInOrder compares a table with a map, wild numbers included.
func TestATableIsAMapInOrder(t *testing.T) {
	for seed := range 200 {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		var tab table[int32]
		want := map[uint64]int32{}
		number := func() uint64 {
			switch r.IntN(4) {
			case 0:
				return r.Uint64()
			case 1:
				return uint64(r.IntN(1 << 20))
			}
			return uint64(r.IntN(300))
		}
		for i := range 300 {
			n := number()
			switch r.IntN(20) {
			case 0:
				tab.cutAbove(n)
				for k := range want {
					if k > n {
						delete(want, k)
					}
				}
			default:
				*tab.at(n) = int32(i + 1)
				want[n] = int32(i + 1)
			}
			probe := number()
			require.Equal(t, want[probe], tab.value(probe))
		}
		var keys []uint64
		tab.each(func(n uint64, v *int32) bool {
			if *v != 0 {
				require.Equal(t, want[n], *v)
				keys = append(keys, n)
			}
			return true
		})
		require.True(t, slices.IsSorted(keys))
		require.Len(t, keys, len(want))
	}
}
