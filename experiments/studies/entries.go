package studies

import (
	"cmp"
	"context"
	"maps"
	"path/filepath"
	"slices"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// Kinds of entries.
const (
	KindStudy      = "study"
	KindExperiment = "experiment"
)

// Entry is one thing to run: a study, or a judged experiment over a range of seeds.
type Entry struct {
	Name    string
	Kind    string
	Profile string // of an experiment; "" is the experiment's own
	// Dir holds its files, below the root.
	Dir string
	// Run runs it; progress is told of cells or seeds and may be nil. An error means that it could not be run.
	Run func(ctx context.Context, progress func(done, total int)) (Outcome, error)
}

// Outcome is what came of an entry.
type Outcome struct {
	LastLine string
	Exit     int
	Trace    string
}

// Processes start workers: of studies, and of ranges of seeds.
type Processes struct {
	Workers     int
	Study, Seed []string
}

// Entries are every study, and every judged experiment with its own profile and with each other of which it expects a violation.
func Entries(o study.Options, out string, p Processes) (entries []Entry) {
	for _, s := range All() {
		entries = append(entries, studyEntry(s, o, out, p))
	}
	for _, e := range experiments.All() {
		profiles := []string{""}
		for _, other := range slices.Sorted(maps.Keys(e.Expect)) {
			if other != cmp.Or(e.Profile, "reference") {
				profiles = append(profiles, other)
			}
		}
		for _, profile := range profiles {
			entries = append(entries, experimentEntry(e.Name, profile, o.Size, out, p))
		}
	}
	return entries
}

func studyEntry(s study.Study, o study.Options, out string, p Processes) Entry {
	return Entry{Name: s.Name, Kind: KindStudy, Dir: s.Name, Run: func(ctx context.Context, progress func(done, total int)) (Outcome, error) {
		r := &study.Runner{Study: s, Options: o, Out: out, Workers: p.Workers, Command: p.Study, Progress: progress}
		doc, err := r.Run(ctx)
		if err != nil {
			return Outcome{}, err
		}
		return Outcome{doc.LastLine(), doc.Exit(), doc.Trace}, nil
	}}
}

// experimentEntry is an experiment over the first seeds. With a profile that is not its own its files lie in PROFILE/NAME.
func experimentEntry(name, profile string, size study.Size, out string, p Processes) Entry {
	return Entry{Name: name, Kind: KindExperiment, Profile: profile, Dir: filepath.Join(profile, name), Run: func(ctx context.Context, progress func(done, total int)) (Outcome, error) {
		job := experiments.Job{Name: name, Options: experiments.Options{Profile: profile}, Out: filepath.Join(out, profile)}
		s := &experiments.Sweeper{Job: job, From: 1, To: lastSeed(name, profile, size), Workers: p.Workers, Command: p.Seed}
		if progress != nil {
			s.Progress = func(done, total, _ int) { progress(done, total) }
		}
		sum, err := s.Run(ctx)
		if err != nil {
			return Outcome{}, err
		}
		return Outcome{sum.LastLine(), sum.Exit(), sum.Traces}, nil
	}}
}

const (
	smallSeeds = 3
	fullSeeds  = 30
)

// rare are experiments whose expected violation needs more seeds than smallSeeds to show, by PROFILE/NAME: not every seed has
// the race in which it lies.
var rare = map[string]rundir.Seed{
	"nats/consumer-redelivery": 12,
	"nats/wiped-disk":          6,
}

func lastSeed(name, profile string, size study.Size) rundir.Seed {
	if size == study.Full {
		return fullSeeds
	}
	return max(smallSeeds, rare[profile+"/"+name])
}
