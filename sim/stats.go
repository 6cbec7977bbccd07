package sim

import "github.com/brokerlab/brokerlab/model/machine"

// Stats counts what happened in a run.
type Stats struct {
	Events uint64 // handled
	// Steps by kind of input (machine.InputKind).
	Steps [machine.Stopping + 1]uint64
	// DiskOps by kind (machine.DiskKind); an append that syncs counts as both.
	DiskOps [machine.Read + 1]uint64
	// Segments and Bytes are what connections and links put on the wire, Acks the window
	// updates that somebody waited for.
	Segments, Acks uint64
	Bytes          int64
	// Frames were accepted by a link; FramesLost met a fault or a full queue; FramesToNobody were
	// sent on a link that was down.
	Frames, FramesLost, FramesToNobody uint64
	QueueOverflows, SessionsBroken     uint64
	Connections                        uint64 // ends opened
	Observations                       uint64
	// Boots were begun. Deaths are all ends of processes, Crashes those by their own doing, Panics
	// the crashes that were panics.
	Boots, Deaths, Crashes, Panics uint64
}

// Syncs is the number of syncs asked for, of files and of directories.
func (s *Stats) Syncs() uint64 { return s.DiskOps[machine.Sync] + s.DiskOps[machine.SyncDir] }

// Less is what happened since an earlier moment of the same run.
func (s Stats) Less(was Stats) Stats {
	s.Events -= was.Events
	for i := range s.Steps {
		s.Steps[i] -= was.Steps[i]
	}
	for i := range s.DiskOps {
		s.DiskOps[i] -= was.DiskOps[i]
	}
	s.Segments -= was.Segments
	s.Acks -= was.Acks
	s.Bytes -= was.Bytes
	s.Frames -= was.Frames
	s.FramesLost -= was.FramesLost
	s.FramesToNobody -= was.FramesToNobody
	s.QueueOverflows -= was.QueueOverflows
	s.SessionsBroken -= was.SessionsBroken
	s.Connections -= was.Connections
	s.Observations -= was.Observations
	s.Boots -= was.Boots
	s.Deaths -= was.Deaths
	s.Crashes -= was.Crashes
	s.Panics -= was.Panics
	return s
}
