package rundir

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/spec"
)

// Schema names the form of a manifest; it changes when a reader of the old form would misread the new.
const Schema = "brokerlab.run/1"

// Seed is a seed as people write it: hexadecimal, with 0x.
type Seed uint64

func (s Seed) String() string { return "0x" + strconv.FormatUint(uint64(s), 16) }

// MarshalText writes 0x2a: JSON numbers above 2^53 do not survive every reader.
func (s Seed) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads decimal, or hexadecimal with 0x.
func (s *Seed) UnmarshalText(text []byte) error {
	v, err := ParseSeed(string(text))
	*s = v
	return err
}

// ParseSeed reads decimal, or hexadecimal with 0x.
func ParseSeed(text string) (Seed, error) {
	v, err := strconv.ParseUint(strings.ReplaceAll(text, "_", " "), 0, 64)
	if err != nil {
		return 0, fmt.Errorf("seed %q is not a number from 0 to 2^64-1, decimal or hexadecimal with 0x", text)
	}
	return Seed(v), nil
}

// Config is everything that decides a run.
type Config struct {
	Name     string `json:"name"`
	Question string `json:"question,omitempty"`
	Seed     Seed   `json:"seed"`
	Profile  string `json:"profile"`
	// Set holds the switches that were set against the profile, Switches all of them.
	Set      map[string]string `json:"set,omitempty"`
	Switches map[string]string `json:"switches"`
	Cluster  Cluster           `json:"cluster"`
	Load     load.Spec         `json:"load"`
	// Plan is the text of the faults, roles unresolved, the last heal included.
	Plan []string `json:"plan"`
	// Times in nanoseconds: traffic from LoadFrom to LoadUntil, the world healed at Heal, each
	// operation unknown after Timeout.
	LoadFrom  int64 `json:"load_from_ns"`
	LoadUntil int64 `json:"load_until_ns"`
	Heal      int64 `json:"heal_ns"`
	Timeout   int64 `json:"timeout_ns"`
	// Level says how much goes wrong, from 0 to Levels less one, where that is what the experiment varies.
	Level  int `json:"fault_level,omitempty"`
	Levels int `json:"fault_levels,omitempty"`
	// Test lists guarantees that are judged as if they were claimed, because the experiment asks for them.
	Test []spec.ID `json:"put_to_the_test,omitempty"`
	// Expect lists the guarantees whose violation the experiment is there to show; Also
	// those that may fall with them.
	Expect []spec.ID `json:"expect_violated,omitempty"`
	Also   []spec.ID `json:"may_be_violated,omitempty"`
}

// Cluster is the brokers and their streams; zero values are the broker's defaults.
type Cluster struct {
	Nodes   int               `json:"nodes"`
	Streams []load.StreamSpec `json:"streams"`
	// SyncIntervalMS is the interval of the switch sync=interval.
	SyncIntervalMS int64 `json:"sync_interval_ms,omitempty"`
	// TickMS is the length of a Raft tick, ElectionTicks how many of them make an election
	// timeout; a power of two.
	TickMS        int64 `json:"tick_ms,omitempty"`
	ElectionTicks int   `json:"election_ticks,omitempty"`
	// Datagrams makes the links between nodes sessionless: a frame under way reaches a node that
	// restarted meanwhile.
	Datagrams bool `json:"datagrams,omitempty"`
	// WindowBytes is how much of one direction of a client's connection may be sent and not yet read.
	WindowBytes int64 `json:"window_bytes,omitempty"`
	// Limits of each broker.
	Limits Limits `json:"limits,omitzero"`
}

// Limits are sizes at which a broker begins something new; zero values are the broker's defaults. Small ones make
// happen within a minute what takes a real broker days.
type Limits struct {
	// SegmentBytes of the log, and MaxSegments beyond which somebody has to write a checkpoint.
	SegmentBytes int64 `json:"segment_bytes,omitempty"`
	MaxSegments  int   `json:"max_segments,omitempty"`
	// BlockBytes of a stream's files, CacheBytes of its messages in memory: older ones are read from disk.
	BlockBytes int64 `json:"block_bytes,omitempty"`
	CacheBytes int64 `json:"cache_bytes,omitempty"`
	// TailBytes of entries in memory before a checkpoint, KeepBytes of them that remain after it: a replica
	// further behind needs a snapshot.
	TailBytes int64 `json:"tail_bytes,omitempty"`
	KeepBytes int64 `json:"keep_bytes,omitempty"`
	// BatchBytes of publishes in one entry, QueueBytes of publishes that wait for a leader.
	BatchBytes int `json:"batch_bytes,omitempty"`
	QueueBytes int `json:"queue_bytes,omitempty"`
	// PendingBytes of output beyond the window with which a slow consumer is cut, WriteDeadlineMS how long output
	// may wait without any of it leaving.
	PendingBytes    int64 `json:"pending_bytes,omitempty"`
	WriteDeadlineMS int64 `json:"write_deadline_ms,omitempty"`
}

// Manifest is what was run, by what, and what came of it.
type Manifest struct {
	Schema string `json:"schema"`
	Config
	Build Build `json:"build"`
	// Trace is the hash over every event of the world, in hexadecimal.
	Trace   string       `json:"trace"`
	Verdict spec.Verdict `json:"verdict"`
	// Violated and Unknown are claimed guarantees; Unclaimed are anomalies that break no claim.
	Violated  []spec.ID `json:"violated,omitempty"`
	Unknown   []spec.ID `json:"unknown,omitempty"`
	Unclaimed []spec.ID `json:"unclaimed,omitempty"`
	Totals    Totals    `json:"totals"`
}

// Totals count what happened.
type Totals struct {
	WorldEvents  uint64 `json:"world_events"`
	Operations   int    `json:"operations"`
	VirtualNanos int64  `json:"virtual_ns"`
	// Covered counts what the run put to the test: a promise held where nothing happened says little.
	Covered Coverage `json:"covered"`
}

// Add adds the counts of another run.
func (t *Totals) Add(o *Totals) {
	t.WorldEvents += o.WorldEvents
	t.Operations += o.Operations
	t.VirtualNanos += o.VirtualNanos
	t.Covered.add(&o.Covered)
}

// Build is the program that ran.
type Build struct {
	Commit string `json:"commit"`
	Dirty  bool   `json:"dirty,omitempty"`
	Go     string `json:"go"`
}

// ThisBuild is the running program, as far as it was told.
func ThisBuild() Build {
	b := Build{Commit: "unknown", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Dirty = s.Value == "true"
		}
	}
	return b
}

// Expected says whether what came of the run is what the experiment expects: with an expected
// violation, one of those expected and none but those and their company; otherwise none at all.
func (m *Manifest) Expected() bool {
	if len(m.Expect) == 0 {
		return m.Verdict != spec.Violated
	}
	return m.Verdict == spec.Violated && m.found() && m.Tolerated()
}

// Lead is the guarantee whose verdict says most about the run: of those violated the one that the experiment is
// about, else the loss of messages, else the first; of a run that is unknown the first unknown.
func (m *Manifest) Lead() (spec.ID, bool) {
	for _, wanted := range [...][]spec.ID{m.Expect, {spec.NoAckedLoss}, m.Violated, m.Unknown} {
		for _, id := range wanted {
			if contains(m.Violated, id) || len(m.Violated) == 0 && contains(m.Unknown, id) {
				return id, true
			}
		}
	}
	return "", false
}

// found says that an expected violation is among the ones found.
func (m *Manifest) found() bool {
	for _, id := range m.Violated {
		if contains(m.Expect, id) {
			return true
		}
	}
	return false
}

// Tolerated says that every violation found is expected, or may come with one that is.
func (m *Manifest) Tolerated() bool {
	for _, id := range m.Violated {
		if !contains(m.Expect, id) && !contains(m.Also, id) {
			return false
		}
	}
	return true
}

func contains(ids []spec.ID, id spec.ID) bool {
	for _, x := range ids {
		if x == id {
			return true
		}
	}
	return false
}
