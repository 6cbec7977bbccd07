package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments"
)

// TestMain lets this test binary stand in for brokerlab where a range of seeds starts workers.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == workerName {
		os.Exit(execute(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// brokerlab runs a command line and returns its status, output and last line.
func brokerlab(t *testing.T, args ...string) (status int, out, last, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	status = execute(context.Background(), args, strings.NewReader(""), &o, &e)
	lines := strings.Split(strings.TrimRight(o.String(), "\n"), "\n")
	return status, o.String(), lines[len(lines)-1], e.String()
}

// small writes a custom experiment of a few seconds: quick to run, with a fault.
func small(t *testing.T) (dir string, flags []string) {
	t.Helper()
	dir = t.TempDir()
	files := map[string]string{
		"cluster.json": `{"nodes": 3, "streams": [{"name": "ORDERS", "replicas": 3}], "duration_s": 12, "quiet_s": 5}`,
		"load.json":    `{"clients": [{"name": "c", "count": 2, "publish_per_second": 20, "read_per_second": 10, "last_percent": 30}]}`,
		"plan.txt":     "plan v1\nat 5s crash leader of ORDERS for 1s\n",
	}
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		flags = append(flags, "--"+strings.TrimSuffix(strings.TrimSuffix(name, ".json"), ".txt"), filepath.Join(dir, name))
	}
	return dir, append(flags, "--out", filepath.Join(dir, "out"))
}

func TestARunIsWrittenWholeReplaysChecksAndIsExplained(t *testing.T) {
	dir, flags := small(t)
	status, _, last, errs := brokerlab(t, append([]string{"run", "custom", "--seed", "0x2a", "--trace"}, flags...)...)
	require.Zero(t, status, errs)
	require.Regexp(t, `^HOLDS custom seed=0x2a trace=[0-9a-f]+$`, last)
	run := filepath.Join(dir, "out", "custom", "0x2a")
	for _, name := range []string{
		"manifest.json", "plan.txt", "history.jsonl", "metrics.csv", "verdict.json", "report.html", "trace.txt.zst",
		"timeline.svg", "timeline.png", "messages.svg", "messages.png",
	} {
		info, err := os.Stat(filepath.Join(run, name))
		require.NoError(t, err)
		require.Positive(t, info.Size(), name)
	}

	status, _, again, _ := brokerlab(t, "replay", run)
	require.Zero(t, status)
	require.Equal(t, last, again)

	status, _, judged, _ := brokerlab(t, "check", filepath.Join(run, "history.jsonl"))
	require.Zero(t, status)
	require.Regexp(t, `^HOLDS check .*history.jsonl$`, judged)

	status, out, _, _ := brokerlab(t, "why", run)
	require.Zero(t, status)
	require.Contains(t, out, "Every claimed guarantee held")

	before, err := os.ReadFile(filepath.Join(run, "report.html"))
	require.NoError(t, err)
	status, _, path, _ := brokerlab(t, "report", run)
	require.Zero(t, status)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after), "the same run must give the same report")
}

func TestAReplayThatDivergesShowsWhereAndExitsWith3(t *testing.T) {
	dir, flags := small(t)
	status, _, _, errs := brokerlab(t, append([]string{"run", "custom"}, flags...)...)
	require.Zero(t, status, errs)
	run := filepath.Join(dir, "out", "custom", "0x1")
	plan, err := os.ReadFile(filepath.Join(run, "plan.txt"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(run, "plan.txt"), bytes.Replace(plan, []byte("at 5s"), []byte("at 6s"), 1), 0o600))
	status, out, last, _ := brokerlab(t, "replay", run)
	require.Equal(t, experiments.ExitDiverged, status)
	require.Contains(t, out, "first divergence at line")
	require.Regexp(t, `^DIVERGED custom seed=0x1 trace=[0-9a-f]+ recorded=[0-9a-f]+$`, last)
}

func TestARangeSharesSeedsAmongProcessesAndSumsUp(t *testing.T) {
	dir, flags := small(t)
	status, _, last, errs := brokerlab(t, append([]string{"run", "custom", "--seeds", "1-4", "--jobs", "2"}, flags...)...)
	require.Zero(t, status, errs)
	require.Equal(t, "HOLDS custom seeds=1-4 violated=0/4", last)
	text, err := os.ReadFile(filepath.Join(dir, "out", "custom", "summary.json"))
	require.NoError(t, err)
	var sum experiments.Summary
	require.NoError(t, json.Unmarshal(text, &sum))
	require.Equal(t, 4, sum.Holds)
	require.Len(t, sum.Results, 4)
	require.NoFileExists(t, filepath.Join(dir, "out", "custom", "0x2", "history.jsonl"), "a range keeps little of what holds")
	require.FileExists(t, filepath.Join(dir, "out", "custom", "0x2", "manifest.json"))

	// A worker's run is the run of this process.
	status, out, _, _ := brokerlab(t, append([]string{"run", "custom", "--seed", "2", "--json"}, flags...)...)
	require.Zero(t, status)
	require.Contains(t, out, sum.Results[1].Trace)
	status, _, _, _ = brokerlab(t, "replay", filepath.Join(dir, "out", "custom", "0x1"))
	require.Zero(t, status, "what a range keeps of a run is enough to replay it")
}

func TestAnExpectedViolationExitsWith0AndAnUnexpectedOneWith1(t *testing.T) {
	out := t.TempDir()
	status, text, last, _ := brokerlab(t, "run", "power-loss", "--profile", "nats", "--out", out)
	require.Zero(t, status)
	require.Regexp(t, `^VIOLATED power-loss seed=0x1 trace=[0-9a-f]+ .*no-acked-loss.* \(expected\)$`, last)
	require.Regexp(t, regexp.MustCompile(`(?s)published by c\d.*stored by n\d.*acknowledged.*lost: power failed on n\d`), text)
	status, text, last, _ = brokerlab(t, "run", "power-loss", "--set", "sync=interval", "--out", out)
	require.NotContains(t, last, "(expected)")
	if status == experiments.ExitNot {
		require.Contains(t, text, "repeat: brokerlab run power-loss --seed 0x1 --set sync=interval")
	}
}

func TestWhatMakesNoSenseIsRefusedWith64AndSaysWhy(t *testing.T) {
	dir, flags := small(t)
	cut := filepath.Join(dir, "cut.jsonl")
	require.NoError(t, os.WriteFile(cut, []byte(`{"schema":"brokerlab.history/1","seed":1}`+"\n"+`{"i":1,"t":0,"k":"invoke"`), 0o600))
	for _, c := range []struct{ args, want string }{
		{"run quickstop", `unknown experiment "quickstop"`},
		{"run", "accepts 1 arg"},
		{"ruin quickstart", `unknown command "ruin"`},
		{"run quickstart --fast", "unknown flag: --fast"},
		{"run quickstart --seed luck", `"luck" is not a number`},
		{"run quickstart --seed 1 --seeds 1-2", "contradict each other"},
		{"run quickstart --seeds 5-1", "want FIRST-LAST"},
		{"run quickstart --seeds 1-x", "want FIRST-LAST"},
		{"run quickstart --seeds 1-2 --jobs 0", "--jobs 0"},
		{"run quickstart --set sync=never", `"never" is not one of group, interval, none`},
		{"run quickstart --profile pulsar", `unknown profile "pulsar"`},
		{"run quickstart --plan plan.txt", "belong to the experiment custom"},
		{"run custom --cluster " + flags[1], "needs --"},
		{"replay " + dir, "manifest.json is missing"},
		{"replay " + filepath.Join(dir, "nowhere"), "no such file"},
		{"why " + cut, "it is a file"},
		{"check " + cut, "cut.jsonl: line 2: the line has no end"},
		{"check " + filepath.Join(dir, "plan.txt"), "line 1: the header is not JSON"},
		{"serve --port 99999", "--port 99999"},
		{"serve --fast", "not defined: -fast"},
		{"serve --profile nats", "sync=interval, damage=cut, conflict=truncate, pre-vote=off, read=local, expect=leader, dedup=leader, ack-fence=none, delivered=after, address=node without --unsafe"},
		{"serve --routes nats://127.0.0.1:1", "routes need a cluster address"},
		{"serve --cluster nats://127.0.0.1", "missing port"},
		{"serve --cluster nats://127.0.0.1:99999", `port "99999" is not one of 1 to 65535`},
	} {
		status, _, _, errs := brokerlab(t, strings.Fields(c.args)...)
		require.Equal(t, experiments.ExitUsage, status, "brokerlab %s", c.args)
		require.Contains(t, errs, c.want, "brokerlab %s", c.args)
	}
}

func TestATruncatedRunDirectoryIsRefusedFileByFile(t *testing.T) {
	dir, flags := small(t)
	status, _, _, errs := brokerlab(t, append([]string{"run", "custom"}, flags...)...)
	require.Zero(t, status, errs)
	run := filepath.Join(dir, "out", "custom", "0x1")
	for _, name := range []string{"history.jsonl", "plan.txt", "manifest.json"} {
		path := filepath.Join(run, name)
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, whole[:len(whole)/2], 0o600))
		status, _, _, errs := brokerlab(t, "why", run)
		require.Equal(t, experiments.ExitUsage, status, name)
		require.Contains(t, errs, name)
		require.Contains(t, errs, "line")
		require.NoError(t, os.Remove(path))
		status, _, _, errs = brokerlab(t, "why", run)
		require.Equal(t, experiments.ExitUsage, status, name)
		require.Contains(t, errs, name+" is missing")
		require.NoError(t, os.WriteFile(path, whole, 0o600))
	}
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	c := &cli{}
	for _, cmd := range c.root().Commands() {
		if cmd.Hidden || cmd.Name() == "help" {
			continue
		}
		status, out, _, _ := brokerlab(t, cmd.Name(), "--help")
		require.Zero(t, status)
		require.Contains(t, out, "Examples:", cmd.Name())
	}
	_, out, _, _ := brokerlab(t, "list")
	require.Contains(t, out, "quickstart")
}

func TestARangeOfGradedFaultsShowsItsLossesByLevelWhateverTheNumberOfJobs(t *testing.T) {
	made := map[string][]byte{}
	for _, jobs := range []string{"1", "3"} {
		out := t.TempDir()
		status, text, last, errs := brokerlab(t, "run", "queue-groups", "--seeds", "1-6", "--jobs", jobs, "--out", out)
		require.Zero(t, status, errs)
		require.Equal(t, "HOLDS queue-groups seeds=1-6 violated=0/6", last)
		require.Regexp(t, `(?s)per million, by level of faults:\n  level +0 +1 +2 +3 +4\n  seeds +1 +2 +1 +1 +1\n.*  delivered .*\n  crash +0 `, text)
		for _, name := range []string{"losses.csv", "losses.svg", "losses.png"} {
			bytes, err := os.ReadFile(filepath.Join(out, "queue-groups", name))
			require.NoError(t, err)
			if made[name] == nil {
				made[name] = bytes
			}
			require.True(t, string(made[name]) == string(bytes), "%s depends on --jobs", name)
		}
	}
	rows := strings.Split(strings.TrimSpace(string(made["losses.csv"])), "\n")
	require.Equal(t, "fault_level,seeds,of,all_count,cause,count,share_per_million,least_seed_per_million,most_seed_per_million", rows[0])
	require.Regexp(t, `^0,1,messages,\d+,delivered,\d+,\d+,\d+,\d+$`, rows[1])
	require.Contains(t, string(made["losses.svg"]), "brokerlab run queue-groups --seeds 1-6")
}
