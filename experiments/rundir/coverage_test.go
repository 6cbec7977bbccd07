package rundir

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCoverageSaysWhatHappenedAndWhatNeverDid(t *testing.T) {
	require.Equal(t, "none of: crashes, power failures, panics, elections, appends over other leaders' entries, checkpoints, "+
		"log segments freed, snapshots installed, disk reads, disks harmed, returns as new members", Coverage{}.String())
	c := Coverage{Crashes: 2, Elections: 3, Checkpoints: 1, SegmentsFreed: 1, Snapshots: 1, DiskReads: 1, Harmed: 1, Rejoined: 2, PowerFailures: 1, Overwritten: 1}
	require.Equal(t, "2 crashes, 1 power failures, 3 elections, 1 appends over other leaders' entries, 1 checkpoints, "+
		"1 log segments freed, 1 snapshots installed, 1 disk reads, 1 disks harmed, 2 returns as new members; no panics", c.String())
	c.Panics = 1
	require.NotContains(t, c.String(), "no ")
}

func TestTotalsOfRunsAddUp(t *testing.T) {
	a := Totals{WorldEvents: 1, Operations: 2, VirtualNanos: 3, Covered: Coverage{Crashes: 1, DiskReads: 5}}
	b := Totals{WorldEvents: 10, Operations: 20, VirtualNanos: 30, Covered: Coverage{Crashes: 2, Snapshots: 7}}
	a.Add(&b)
	require.Equal(t, Totals{WorldEvents: 11, Operations: 22, VirtualNanos: 33, Covered: Coverage{Crashes: 3, Snapshots: 7, DiskReads: 5}}, a)
}
