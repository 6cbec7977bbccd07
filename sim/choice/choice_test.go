package choice

import (
	"math/bits"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/machine"
)

func TestFirstDrawsAreTheSameOnEveryMachine(t *testing.T) {
	var got []uint64
	for _, s := range []Seed{0, 1, 1 << 63} {
		got = append(got, s.Draw(Network, 0, 0, 0, 0), s.Draw(Disk, 1, 2, 3, 4), s.Draw(Machine, 1<<63, 0, 7, 1))
	}
	require.Equal(t, []uint64{
		0x1c86841675e8742d, 0xfe6bb878cd0584ca, 0x5ebce933b7d6e13c,
		0x6f8f42a1621a9843, 0x912dd5641e366ec7, 0xa0f3f9c81629d812,
		0x9700a60429c671a7, 0x9484c0abce5262b9, 0xab62233845bf2d66,
	}, got, "a change here changes what every seed means")
}

func TestEveryWordOfADrawCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w [6]uint64
		for i := range w {
			w[i] = rapid.Uint64().Draw(t, "word")
		}
		draw := func(w [6]uint64) uint64 {
			return Seed(w[0]).Draw(Component(w[1]), w[2], w[3], w[4], w[5])
		}
		one := draw(w)
		require.Equal(t, one, draw(w), "a draw is a function")
		for i := range w {
			other := w
			other[i] ^= 1 << rapid.IntRange(0, 31).Draw(t, "bit")
			require.NotEqual(t, one, draw(other), "word %d", i)
			for j := range i {
				swapped := w
				swapped[i], swapped[j] = w[j], w[i]
				if i > 1 && j > 1 && w[i] != w[j] {
					require.NotEqual(t, one, draw(swapped), "words %d and %d exchanged", i, j)
				}
			}
		}
	})
}

func TestSmallIdentitiesDoNotCollide(t *testing.T) {
	seen := map[uint64]bool{}
	for s := range Seed(3) {
		for c := Network; c <= Boot; c++ {
			for i := range uint64(10 * 10 * 10 * 10) {
				d := s.Draw(c, i%10, i/10%10, i/100%10, i/1000)
				require.False(t, seen[d], "seed %d component %d identity %d", s, c, i)
				seen[d] = true
			}
		}
	}
}

func TestDrawsAreSpreadEvenly(t *testing.T) {
	const n = 1 << 16
	// Counters in each place of the identity in turn, the way callers number things.
	for place := range 4 {
		var ones [64]int
		var cells [256]int
		flips := 0
		for i := range uint64(n) {
			var w [4]uint64
			w[place] = i
			d := Seed(42).Draw(Disk, w[0], w[1], w[2], w[3])
			for b := range ones {
				ones[b] += int(d >> b & 1)
			}
			cells[Below(d, 256)]++
			w[place] = i ^ 1
			flips += bits.OnesCount64(d ^ Seed(42).Draw(Disk, w[0], w[1], w[2], w[3]))
		}
		// Six standard deviations: of n/2 with √n/2 = 128, of n/256 with 16.
		for b, count := range ones {
			require.InDelta(t, n/2, count, 6*128, "place %d bit %d", place, b)
		}
		for c, count := range cells {
			require.InDelta(t, n/256, count, 6*16, "place %d cell %d", place, c)
		}
		require.InDelta(t, 32*n, flips, 6*4*256, "a bit of the identity moves half the bits of the draw")
	}
}

func TestMappingsKeepTheirBounds(t *testing.T) {
	require.Zero(t, Below(1<<64-1, 0))
	require.EqualValues(t, 9, Below(1<<64-1, 10))
	require.EqualValues(t, 3, Between(0, 3, 5))
	require.EqualValues(t, 5, Between(1<<64-1, 3, 5))
	require.EqualValues(t, 7, Between(99, 7, 6))
	require.EqualValues(t, -5, Between(0, -5, 5))
	require.False(t, Permille(0, 0))
	require.True(t, Permille(1<<64-1, 1000))
	require.False(t, PPM(1<<64-1, 999_999))
	require.True(t, PPM(0, 1))
	n := 0
	for i := range uint64(10_000) {
		if PPM(Seed(1).Draw(Plan, 0, 0, 0, i), 100_000) {
			n++
		}
	}
	require.InDelta(t, 1000, n, 180)
}

func TestANodeDrawsByPurposeAndBoot(t *testing.T) {
	var c machine.Choices = &Node{Seed: 5, Node: 2, Boot: 1}
	require.Equal(t, Seed(5).Draw(Machine, 2, 1, 7, 9), c.Draw(7, 9))
	require.NotEqual(t, c.Draw(7, 9), (&Node{Seed: 5, Node: 2, Boot: 2}).Draw(7, 9))
	require.NotEqual(t, c.Draw(7, 9), c.Draw(9, 7))
}

func TestQuantilesGoThroughTheirPointsAndNeverFall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shares := rapid.SliceOfNDistinct(rapid.Uint64Range(1, million-1), 0, 8, rapid.ID).Draw(t, "shares")
		slices.Sort(shares)
		shares = append(append([]uint64{0}, shares...), million)
		points, value := make([]Point, len(shares)), rapid.Int64Range(0, 1<<40).Draw(t, "first")
		for i, s := range shares {
			points[i] = Point{s, value}
			value += rapid.Int64Range(0, 1<<40).Draw(t, "rise")
		}
		q := NewQuantiles(points...)
		for _, p := range points {
			require.InDelta(t, p.Value, q.At(p.PPM), 1+float64(value)/1e6)
		}
		draws := rapid.SliceOfN(rapid.Uint64(), 2, 20).Draw(t, "draws")
		draws = append(draws, 0, 1<<64-1)
		slices.Sort(draws)
		before := points[0].Value
		for _, d := range draws {
			v := q.Sample(d)
			require.GreaterOrEqual(t, v, before)
			before = v
		}
		require.Equal(t, points[0].Value, q.Sample(0))
		require.Equal(t, points[len(points)-1].Value, q.Sample(1<<64-1))
		require.GreaterOrEqual(t, q.Mean(), points[0].Value-1)
		require.LessOrEqual(t, q.Mean(), points[len(points)-1].Value)
	})
}

func TestTablesSayWhatTheyClaim(t *testing.T) {
	for name, c := range map[string]struct {
		q                *Quantiles
		p50, p99, p999   int64
		meanLow, meanTop int64
	}{
		"lan":  {LAN, 150 * us, 450 * us, 1500 * us, 150 * us, 190 * us},
		"sync": {SyncTime, 340 * us, 620 * us, 3 * ms, 340 * us, 400 * us},
		"page": {CacheWrite, 3 * us, 6 * us, 30 * us, 3 * us, 4 * us},
	} {
		require.InDelta(t, c.p50, c.q.At(500_000), 2, name)
		require.InDelta(t, c.p99, c.q.At(990_000), 10, name)
		require.InDelta(t, c.p999, c.q.At(999_000), 100, name)
		sum, n := int64(0), int64(20_000)
		for i := range uint64(n) {
			sum += c.q.Sample(Seed(3).Draw(Disk, i, 0, 0, 0))
		}
		require.InDelta(t, c.q.Mean(), sum/n, float64(c.q.Mean())/20, name)
		require.GreaterOrEqual(t, c.q.Mean(), c.meanLow, name)
		require.LessOrEqual(t, c.q.Mean(), c.meanTop, name)
	}
	var zero Quantiles
	require.Zero(t, zero.Sample(99))
	require.Zero(t, zero.Mean())
}

func TestATableThatFallsIsBroken(t *testing.T) {
	for _, points := range [][]Point{
		nil, {{0, 1}}, {{1, 1}, {million, 2}}, {{0, 1}, {999, 2}}, {{0, 2}, {million, 1}}, {{0, 1}, {0, 2}, {million, 3}},
	} {
		require.Panics(t, func() { NewQuantiles(points...) })
	}
}

func BenchmarkSample(b *testing.B) {
	var sum int64
	for i := uint64(0); b.Loop(); i++ {
		sum += LAN.Sample(Seed(1).Draw(Network, 1, 2, i, 0))
	}
	b.ReportMetric(float64(sum)/float64(b.N), "mean-ns")
}
