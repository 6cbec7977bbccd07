package rundir

import (
	"fmt"
	"strings"
)

// Coverage counts the moments at which brokers lose messages, as far as a run had them.
type Coverage struct {
	// Crashes, PowerFailures and Panics are ends of brokers.
	Crashes       int `json:"crashes"`
	PowerFailures int `json:"power_failures"`
	Panics        int `json:"panics"`
	// Elections counts leaders, of the meta group too.
	Elections int `json:"elections"`
	// Overwritten counts appends that took the place of entries that another leader had begun.
	Overwritten int `json:"overwritten"`
	// Checkpoints that became durable, and SegmentsFreed of the log thanks to them.
	Checkpoints   int `json:"checkpoints"`
	SegmentsFreed int `json:"segments_freed"`
	// Snapshots that replicas installed.
	Snapshots int `json:"snapshots"`
	// DiskReads of messages that had left memory.
	DiskReads int `json:"disk_reads"`
	// Harmed counts disks that lost or changed synced bytes, Rejoined returns to a group as another member.
	Harmed   int `json:"harmed"`
	Rejoined int `json:"rejoined"`
}

func (c *Coverage) counts() []counted {
	return []counted{
		{"crashes", &c.Crashes},
		{"power failures", &c.PowerFailures},
		{"panics", &c.Panics},
		{"elections", &c.Elections},
		{"appends over other leaders' entries", &c.Overwritten},
		{"checkpoints", &c.Checkpoints},
		{"log segments freed", &c.SegmentsFreed},
		{"snapshots installed", &c.Snapshots},
		{"disk reads", &c.DiskReads},
		{"disks harmed", &c.Harmed},
		{"returns as new members", &c.Rejoined},
	}
}

type counted struct {
	name  string
	count *int
}

func (c *Coverage) add(o *Coverage) {
	others := o.counts()
	for i, mine := range c.counts() {
		*mine.count += *others[i].count
	}
}

// String is one line: what happened, and then what never did.
func (c Coverage) String() string {
	var some, never []string
	for _, n := range c.counts() {
		if *n.count == 0 {
			never = append(never, n.name)
			continue
		}
		some = append(some, fmt.Sprintf("%d %s", *n.count, n.name))
	}
	switch {
	case some == nil:
		return "none of: " + strings.Join(never, ", ")
	case never == nil:
		return strings.Join(some, ", ")
	}
	return strings.Join(some, ", ") + "; no " + strings.Join(never, ", no ")
}
