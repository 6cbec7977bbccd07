package store

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type rapidDice struct{ t *rapid.T }

func (d rapidDice) n(n int) int { return rapid.IntRange(0, n-1).Draw(d.t, "") }

type seededDice struct{ r *rand.Rand }

func (d seededDice) n(n int) int { return d.r.IntN(n) }

func seeded(seed uint64) dice { return seededDice{rand.New(rand.NewPCG(seed, 1))} }

var modes = map[string]SyncMode{"group": SyncGroup, "interval": SyncInterval, "none": SyncNone}

func TestWhatIsRecoveredIsAPrefixOfTheLogThatHoldsAllThatWasSynced(t *testing.T) {
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				r := newLogRun(rapidDice{rt}, LogConfig{Node: 1, SegmentBytes: 4096, Sync: mode})
				if err := r.torture(60); err != nil {
					rt.Fatal(err)
				}
			})
		})
	}
}

func TestManySeedsOfCrashesRecoverAPrefix(t *testing.T) {
	for name, mode := range modes {
		for seed := range uint64(60) {
			r := newLogRun(seeded(seed), LogConfig{Node: 1, SegmentBytes: 3000, Sync: mode})
			require.NoError(t, r.torture(300), "mode %s seed %d", name, seed)
		}
	}
}

func TestAFailedSyncNeverTurnsIntoALie(t *testing.T) {
	for seed := range uint64(100) {
		r := newLogRun(seeded(seed), LogConfig{Node: 1, SegmentBytes: 3000})
		r.disk.failing = 12
		require.NoError(t, r.torture(300), "seed %d", seed)
	}
}

func TestAcceptingARecordBehindAHoleIsCaught(t *testing.T) {
	for seed := range uint64(200) {
		r := newLogRun(seeded(seed), LogConfig{Node: 1, SegmentBytes: 3000, AcceptAfterHole: true})
		if err := r.torture(300); err != nil {
			t.Logf("caught at seed %d", seed)
			return
		}
	}
	t.Fatal("200 seeds did not catch AcceptAfterHole")
}

func TestRetryingAFailedSyncIsCaught(t *testing.T) {
	for seed := range uint64(200) {
		r := newLogRun(seeded(seed), LogConfig{Node: 1, SegmentBytes: 3000, RetrySync: true})
		r.disk.failing = 12
		if err := r.torture(300); err != nil {
			t.Logf("caught at seed %d", seed)
			return
		}
	}
	t.Fatal("200 seeds did not catch RetrySync")
}
