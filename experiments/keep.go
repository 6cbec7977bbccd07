package experiments

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// Replayed is what came of running a run directory again.
type Replayed struct {
	*Result
	// Recorded is the trace hash in the manifest.
	Recorded string
	// Divergence says where the histories part; empty if the traces are the same.
	Divergence string
}

// Replay runs a run directory again: the configuration of its manifest with the faults of its
// plan.txt. It writes nothing.
func Replay(path string) (*Replayed, error) {
	d, m, err := rundir.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := d.Read(rundir.PlanFile)
	if err != nil {
		return nil, err
	}
	plan, err := faults.Parse(string(text))
	if err != nil {
		return nil, usagef("%s: %v", d.Path(rundir.PlanFile), err)
	}
	c := m.Config
	c.Plan = planLines(plan)
	if err := validate(&c, nil); err != nil {
		return nil, usagef("%s: %v", path, err)
	}
	res, err := Execute(c, nil)
	if err != nil {
		return nil, err
	}
	// The directory's own plan has roles unresolved.
	res.Manifest.Plan = m.Plan
	r := &Replayed{Result: res, Recorded: m.Trace}
	if res.Manifest.Trace != m.Trace {
		r.Divergence, err = divergence(d, res.History)
	}
	return r, err
}

// ReplayDoc is the form of a replay in JSON.
type ReplayDoc struct {
	Name       string      `json:"name"`
	Seed       rundir.Seed `json:"seed"`
	Trace      string      `json:"trace"`
	Recorded   string      `json:"recorded"`
	Same       bool        `json:"same"`
	Divergence string      `json:"divergence,omitempty"`
}

// Document is the replay for scripts.
func (r *Replayed) Document() ReplayDoc {
	m := &r.Manifest
	return ReplayDoc{Name: m.Name, Seed: m.Seed, Trace: m.Trace, Recorded: r.Recorded, Same: r.Divergence == "", Divergence: r.Divergence}
}

// PrintReplay says whether the run repeated itself; the last line is that of the run, or DIVERGED.
func (r *Replayed) PrintReplay(w io.Writer) {
	if r.Divergence == "" {
		fmt.Fprintf(w, "the same trace in another process\n%s\n", r.LastLine())
		return
	}
	m := &r.Manifest
	fmt.Fprintf(w, "%s\nDIVERGED %s seed=%s trace=%s recorded=%s\n", r.Divergence, m.Name, m.Seed, m.Trace, r.Recorded)
}

// divergence is the first event that the recorded history and h do not share.
func divergence(d rundir.Dir, h *history.History) (string, error) {
	recorded, err := os.ReadFile(d.Path(rundir.HistoryFile))
	if errors.Is(err, os.ErrNotExist) {
		return "the recorded run kept no history to compare with; run its seed alone to have one", nil
	} else if err != nil {
		return "", err
	}
	var now bytes.Buffer
	if err := history.WriteAll(&now, h); err != nil {
		return "", err
	}
	was, is := strings.Split(string(recorded), "\n"), strings.Split(now.String(), "\n")
	for i := range max(len(was), len(is)) {
		a, b := lineAt(was, i), lineAt(is, i)
		if a != b {
			return fmt.Sprintf("first divergence at line %d of %s\n  recorded: %s\n  replayed: %s", i+1, rundir.HistoryFile, a, b), nil
		}
	}
	return "the histories are the same: only what no client and no observation shows differs", nil
}

func lineAt(lines []string, i int) string {
	if i >= len(lines) || lines[i] == "" {
		return "(the history ends)"
	}
	return lines[i]
}

// ReadHistory reads a history file whole; what is wrong with it is said with its line.
func ReadHistory(path string) (*history.History, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, usagef("%v", err)
	}
	defer f.Close()
	h, err := history.ReadAll(f)
	var syntax *history.SyntaxError
	if errors.As(err, &syntax) {
		return nil, usagef("%s: %v", path, syntax)
	}
	return h, err
}

// Load reads a whole run directory back and has its history judged again.
func Load(path string) (rundir.Dir, *Result, error) {
	d, m, err := rundir.Open(path)
	if err != nil {
		return "", nil, err
	}
	if _, err := os.Stat(d.Path(rundir.HistoryFile)); err != nil {
		return "", nil, &rundir.IncompleteError{Dir: path, Why: rundir.HistoryFile + " is missing (a range keeps it for its first violations only; run the seed alone to have it)"}
	}
	h, err := ReadHistory(d.Path(rundir.HistoryFile))
	if err != nil {
		return "", nil, err
	}
	text, err := d.Read(rundir.PlanFile)
	if err != nil {
		return "", nil, err
	}
	plan, err := faults.Parse(string(text))
	if err != nil {
		return "", nil, usagef("%s: %v", d.Path(rundir.PlanFile), err)
	}
	claims, err := spec.ClaimsOf(m.Profile, m.Switches)
	if err != nil {
		return "", nil, usagef("%s: %v", path, err)
	}
	return d, &Result{Manifest: *m, History: h, Report: checker.Run(h, checker.Options{}), Claims: claims, Executed: plan}, nil
}

// Report makes metrics, figures and report of a run directory again.
func Report(path string) (file string, err error) {
	d, res, err := Load(path)
	if err != nil {
		return "", err
	}
	return d.Path(rundir.ReportFile), res.writeReport(d)
}

// Why explains a run: for each guarantee that was violated, the sentence, the evidence and
// the lives of the messages concerned; as JSON, the form of verdict.json.
func Why(w io.Writer, path string, asJSON bool) error {
	_, res, err := Load(path)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(w).Encode(res.verdictDoc())
	}
	res.explain(w)
	return nil
}

// Checked is what came of judging a history file.
type Checked struct {
	File    string          `json:"file"`
	System  string          `json:"claims"`
	Outcome checker.Outcome `json:"outcome"`
	Report  *checker.Report `json:"report"`
	Claims  spec.Claims     `json:"-"`
}

// Check judges a history file by the claims of a system; "" is the one that its header names, or all
// guarantees if it names none.
func Check(path, system string) (*Checked, error) {
	h, err := ReadHistory(path)
	if err != nil {
		return nil, err
	}
	claims := spec.AllClaims()
	if system == "" {
		system = h.Header.System
	}
	if system != "" && system != "all" {
		if claims, err = spec.ClaimsOf(system, h.Header.Settings); err != nil {
			return nil, usagef("--claims: %v, and all", err)
		}
	}
	c := &Checked{File: path, System: claims.System, Report: checker.Run(h, checker.Options{}), Claims: claims}
	c.Outcome = c.Report.Overall(claims)
	return c, nil
}

// Exit is the status for a judged history.
func (c *Checked) Exit() int {
	switch c.Outcome.Value {
	case spec.Violated:
		return ExitNot
	case spec.Unknown, spec.NotExercised:
		return ExitUnknown
	}
	return ExitExpected
}

// LastLine says what the history shows.
func (c *Checked) LastLine() string {
	parts := []string{word(c.Outcome.Value), "check", c.File}
	parts = append(parts, names(c.Outcome.Violated)...)
	if c.Outcome.Value == spec.Unknown {
		parts = append(parts, names(c.Outcome.Unknown)...)
	}
	return strings.Join(parts, " ")
}
