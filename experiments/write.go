package experiments

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/metrics"
	"github.com/brokerlab/brokerlab/experiments/report"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// VerdictDoc is the form of verdict.json.
type VerdictDoc struct {
	Outcome  checker.Outcome   `json:"outcome"`
	Verdicts []checker.Verdict `json:"verdicts"`
	Lives    []report.Life     `json:"lives,omitempty"`
}

func (res *Result) verdictDoc() VerdictDoc {
	return VerdictDoc{Outcome: res.Report.Overall(res.Claims), Verdicts: res.Report.Verdicts, Lives: res.lives()}
}

// WriteSmall writes what identifies a run: plan, verdict and, last, the manifest.
func (res *Result) WriteSmall(d rundir.Dir) error {
	if err := d.WriteBytes(rundir.PlanFile, []byte(res.Executed.String())); err != nil {
		return err
	}
	if err := d.WriteJSON(rundir.VerdictFile, res.verdictDoc()); err != nil {
		return err
	}
	return d.WriteManifest(&res.Manifest)
}

// Write writes the whole run directory. Histories come first: what follows can be made again
// from them.
func (res *Result) Write(d rundir.Dir) error {
	if err := d.Write(rundir.HistoryFile, func(w io.Writer) error { return history.WriteAll(w, res.History) }); err != nil {
		return err
	}
	if err := res.writeReport(d); err != nil {
		return err
	}
	return res.WriteSmall(d)
}

// writeReport writes metrics, figures and the report.
func (res *Result) writeReport(d rundir.Dir) error {
	measured := metrics.Measure(res.History)
	if err := d.Write(rundir.MetricsFile, measured.WriteCSV); err != nil {
		return err
	}
	all, err := res.writeFigures(d, measured)
	if err != nil {
		return err
	}
	lost, err := res.writeLife(d, measured.Spans)
	if err != nil {
		return err
	}
	picture, err := res.writePicture(d)
	if err != nil {
		return err
	}
	return d.Write(rundir.ReportFile, func(w io.Writer) error {
		return report.Write(w, report.Page{
			Manifest: &res.Manifest, Verdicts: res.Report.Verdicts, Claims: res.Claims, Lives: res.lives(), Figures: all, Lost: lost,
			Plan:    strings.Split(strings.TrimRight(res.Executed.String(), "\n"), "\n"),
			Picture: picture,
			Command: Command(&res.Manifest.Config, d),
		})
	})
}

// writeFigures writes what is lost of core messaging, and what became of publishes and reads; either may be missing, not both.
func (res *Result) writeFigures(d rundir.Dir, measured *metrics.Run) ([]figures.Figure, error) {
	all, err := res.writeLosses(d, measured)
	dots := res.dots(measured.End)
	if err != nil || len(all) > 0 && len(dots) == 0 {
		return all, err
	}
	messages, err := figures.Messages(measured, dots)
	if err != nil {
		return nil, err
	}
	timeline, err := figures.Timeline(measured)
	if err != nil {
		return nil, err
	}
	for _, f := range [...]figures.Figure{messages, timeline} {
		if err := writeFigure(d, f); err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// mostDrawn bounds the operations of a history that is drawn: porcupine's search takes its time on what it
// cannot order.
const mostDrawn = 400

// writePicture draws the log of a stream in which linearizability is violated, if the part of the history
// around the violation is small enough to be drawn.
func (res *Result) writePicture(d rundir.Dir) (bool, error) {
	stream := ""
	if res.Report.Ops > mostDrawn {
		return false, nil
	}
	for _, id := range [...]spec.ID{spec.LinearizableWrites, spec.LinearizableLog} {
		if v := res.Report.Of(id); v != nil && v.Value == spec.Violated && len(v.Certificate) > 0 {
			stream = v.Certificate[0].Stream
		}
	}
	if stream == "" {
		return false, nil
	}
	var b bytes.Buffer
	err := checker.Picture(res.History, stream, &b)
	if errors.Is(err, checker.ErrTooLarge) || errors.Is(err, checker.ErrNoStream) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, d.WriteBytes(rundir.PictureFile, b.Bytes())
}

// Command repeats a run: by its name, or a custom one from its directory.
func Command(c *rundir.Config, d rundir.Dir) string {
	if c.Name == customName {
		return "brokerlab replay " + string(d)
	}
	words := []string{"brokerlab run", c.Name, "--seed", c.Seed.String()}
	if c.Profile != "reference" {
		words = append(words, "--profile", c.Profile)
	}
	var set []string
	for name, value := range c.Set {
		set = append(set, "--set "+name+"="+value)
	}
	slices.Sort(set)
	return strings.Join(append(words, set...), " ")
}

// Compressed is a writer of a compressed trace; Close ends it.
func Compressed(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }
