package experiments

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/model/spec"
)

// Job is what to run, seeds apart. It travels to worker processes as JSON.
type Job struct {
	Name string `json:"name"`
	// Files of a custom experiment.
	ClusterFile string  `json:"cluster_file,omitempty"`
	LoadFile    string  `json:"load_file,omitempty"`
	PlanFile    string  `json:"plan_file,omitempty"`
	Options     Options `json:"options"`
	// Out is the root of run directories, which are Out/NAME/SEED.
	Out   string `json:"out"`
	Trace bool   `json:"trace,omitempty"`
}

// Experiment is the job's.
func (j *Job) Experiment() (Experiment, error) {
	if j.Name != customName {
		if j.ClusterFile+j.LoadFile+j.PlanFile != "" {
			return Experiment{}, usagef("--cluster, --load and --plan belong to the experiment custom, not to %s", j.Name)
		}
		return Find(j.Name)
	}
	for _, f := range [...]struct{ flag, path string }{{"--cluster", j.ClusterFile}, {"--load", j.LoadFile}, {"--plan", j.PlanFile}} {
		if f.path == "" {
			return Experiment{}, usagef("the experiment custom needs %s FILE", f.flag)
		}
	}
	return Custom(j.ClusterFile, j.LoadFile, j.PlanFile)
}

// Dir is the directory of a seed's run.
func (j *Job) Dir(seed rundir.Seed) rundir.Dir {
	return rundir.Dir(filepath.Join(j.Out, j.Name, seed.String()))
}

// Run runs one seed and writes its directory: whole, or only what identifies it.
func (j *Job) Run(seed rundir.Seed, whole func(*Result) bool) (*Result, error) {
	e, err := j.Experiment()
	if err != nil {
		return nil, err
	}
	c, err := e.Config(seed, j.Options)
	if err != nil {
		return nil, err
	}
	d := j.Dir(seed)
	if err := d.Clear(); err != nil {
		return nil, err
	}
	var res *Result
	if j.Trace {
		err = d.Write(rundir.TraceFile, func(w io.Writer) error {
			z, err := Compressed(w)
			if err != nil {
				return err
			}
			if res, err = Execute(c, z); err != nil {
				return err
			}
			return z.Close()
		})
	} else {
		res, err = Execute(c, nil)
	}
	if err != nil {
		return nil, err
	}
	if whole(res) {
		return res, res.Write(d)
	}
	return res, res.WriteSmall(d)
}

// Command is the command line without seeds.
func (j *Job) Command() string {
	words := []string{"brokerlab run", j.Name}
	for _, o := range [...]struct{ flag, value string }{
		{"--cluster", j.ClusterFile}, {"--load", j.LoadFile}, {"--plan", j.PlanFile}, {"--profile", j.Options.Profile},
	} {
		if o.value != "" {
			words = append(words, o.flag, o.value)
		}
	}
	for _, s := range j.Options.Set {
		words = append(words, "--set", s)
	}
	return strings.Join(words, " ")
}

// Whole keeps everything of a run.
func Whole(*Result) bool { return true }

// SeedResult is what a range of seeds keeps of one.
type SeedResult struct {
	Seed     rundir.Seed  `json:"seed"`
	Trace    string       `json:"trace"`
	Verdict  spec.Verdict `json:"verdict"`
	Violated []spec.ID    `json:"violated,omitempty"`
	Unknown  []spec.ID    `json:"unknown,omitempty"`
	Expected bool         `json:"as_expected"`
	// Tolerated says that nothing but expected violations, and what may come with them, was found.
	Tolerated bool          `json:"-"`
	Sentence  string        `json:"sentence,omitempty"`
	Totals    rundir.Totals `json:"totals"`
	// Level is that of the faults, Causes and Fates count messages and requests of core messaging; where levels vary.
	Level  int             `json:"fault_level,omitempty"`
	Causes []checker.Count `json:"causes,omitempty"`
	Fates  []checker.Count `json:"fates,omitempty"`
}

func seedResult(res *Result) SeedResult {
	m := &res.Manifest
	r := SeedResult{
		Seed: m.Seed, Trace: m.Trace, Verdict: m.Verdict, Violated: m.Violated, Unknown: m.Unknown,
		Expected: m.Expected(), Tolerated: m.Tolerated(), Sentence: res.Sentence(), Totals: m.Totals,
	}
	if m.Levels > 0 {
		core := res.coreLosses()
		r.Level, r.Causes, r.Fates = m.Level, core.Causes, core.Fates
	}
	return r
}

// Sentence is the reason for the verdict, empty if all is well.
func (res *Result) Sentence() string {
	if id, ok := res.Manifest.Lead(); ok {
		return res.Report.Of(id).Sentence
	}
	return ""
}

// answer is a worker's line for one seed.
type answer struct {
	SeedResult
	Tolerated bool   `json:"tolerated"`
	Error     string `json:"error,omitempty"`
	Usage     bool   `json:"usage,omitempty"`
}

// keepWhole is how many violations of a range keep their whole directory.
const keepWhole = 3

// Worker runs seeds: the first line of in is a Job, each further one a seed; each is answered by a line on out.
func Worker(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	var job Job
	if !lines.Scan() {
		return fmt.Errorf("worker: no job came in: %w", io.ErrUnexpectedEOF)
	}
	if err := json.Unmarshal(lines.Bytes(), &job); err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	enc := json.NewEncoder(out)
	violations := 0
	for lines.Scan() {
		seed, err := rundir.ParseSeed(lines.Text())
		if err != nil {
			return fmt.Errorf("worker: %w", err)
		}
		res, err := job.Run(seed, func(res *Result) bool {
			if res.Manifest.Verdict == spec.Violated {
				violations++
			}
			return res.Manifest.Verdict == spec.Violated && violations <= keepWhole
		})
		a := answer{SeedResult: SeedResult{Seed: seed}}
		if err != nil {
			_, a.Usage = err.(*UsageError)
			a.Error = err.Error()
		} else {
			a.SeedResult = seedResult(res)
			a.Tolerated = a.SeedResult.Tolerated
		}
		if err := enc.Encode(&a); err != nil {
			return err
		}
	}
	return lines.Err()
}

// slim removes the bulky files of every violation after the first few.
func (j *Job) slim(results []SeedResult) error {
	kept := 0
	for i := range results {
		if results[i].Verdict != spec.Violated {
			continue
		}
		if kept++; kept <= keepWhole {
			continue
		}
		if err := j.Dir(results[i].Seed).Slim(); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}
