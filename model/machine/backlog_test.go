package machine

import "testing"

func TestABacklogIsNewsWhenItBeginsHalvesGrowsMuchLingersOrEnds(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		told, n, age int64
		want         bool
	}{
		{0, 0, 0, false},
		{0, 1, 0, true},
		{100, 0, 0, true},
		{100, 51, 0, false},
		{100, 50, 0, true},
		{1, 2, 0, true},
		{100, 125, 0, false},
		{100, 126, 0, true},
		{64 * mib, 68*mib - 1, 0, false},
		{64 * mib, 68 * mib, 0, true},
		{100, 99, reportEvery - 1, false},
		{100, 99, reportEvery, true},
		{0, 0, reportEvery, false},
	} {
		if got := BacklogNews(c.told, c.n, c.age); got != c.want {
			t.Errorf("told of %d, %d wait, %d ns later: %v", c.told, c.n, c.age, got)
		}
	}
}
