package broker

import "github.com/brokerlab/brokerlab/model/machine"

// What observations of kind Note say of a broker, for those who count what a run has put to the test. No judge
// reads them.
const (
	// NoteCheckpoint: a group's checkpoint is durable.
	NoteCheckpoint = "checkpoint"
	// NoteFreed: N segments of the log were removed.
	NoteFreed = "log freed"
	// NoteDiskRead: a message that had left memory is read from disk.
	NoteDiskRead = "disk read"
	// NoteOverwritten: a leader's entries took the place of others that were not committed.
	NoteOverwritten = "overwritten"
	// WhySnapshot is the reason of a Recovered that an installed snapshot brought.
	WhySnapshot = "snapshot"
)

func (g *group) note(why string) { g.observe(machine.Observation{Kind: machine.Note, Why: why}) }
