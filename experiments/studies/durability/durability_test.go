package durability

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
)

// expected is a table of one seed in which everything is as expected, but for what change does to a row.
func expected(change func(s *setting, down int, row map[string]string) bool) *study.Rows {
	columns := Study.Tables[0].Columns
	var rows [][]string
	for _, s := range settings(study.Small) {
		for down := 1; down <= 3; down++ {
			row := map[string]string{
				"system": s.Name, "design": s.Design, "policy": s.Policy, "settings": s.settings, "sync_interval_ms": fmt.Sprint(s.interval), "nodes_down": fmt.Sprint(down),
				"seed": "1", "read_back": "true", "acked": "7000", "lost": "0", "lost_ppm": "0", "lost_ms": "0",
			}
			if down == 3 && s.interval != before {
				row["lost"], row["lost_ms"] = "50", "500"
			}
			if !change(&s, down, row) {
				continue
			}
			var line []string
			for _, c := range columns {
				line = append(line, row[c])
			}
			rows = append(rows, line)
		}
	}
	return study.NewRows(columns, rows...)
}

// only changes the rows of a system's settings with so many nodes down.
func only(system, settings string, downs int, column, value string) func(s *setting, down int, row map[string]string) bool {
	return func(s *setting, down int, row map[string]string) bool {
		if s.Name == system && s.settings == settings && down == downs {
			row[column] = value
		}
		return true
	}
}

func failed(rows *study.Rows) (names []string) {
	for _, c := range checks(rows) {
		if !c.Holds {
			names = append(names, c.Name)
		}
	}
	return names
}

func TestEachCheckCanFail(t *testing.T) {
	require.Empty(t, failed(expected(func(*setting, int, map[string]string) bool { return true })))
	for _, c := range []struct {
		name, system, settings string
		down                   int
		column, value          string
	}{
		{"reference-loses-nothing", "reference", "as it is", 1, "lost", "1"},
		{"redpanda-loses-nothing", systems.Redpanda.Name, "acks=all", 2, "lost", "1"},
		{"kafka-flush-each-loses-nothing", "Kafka acks=all, ELR on", "acks=all elr=on flush=each", 3, "lost", "1"},
		{"kafka-default-loses", "Kafka acks=all, ELR on", kafkaDefaults, 3, "lost", "0"},
		{"kafka-replicas-cover-one", "Kafka acks=all, ELR on", kafkaDefaults, 1, "lost", "1"},
		{"loss-within-the-interval", "Kafka acks=all, ELR on", "acks=all elr=on flush=interval", 1, "lost_ms", "11001"},
		{"all-read-back", "Kafka acks=1, ELR on", "acks=1 elr=on flush=none", 2, "read_back", "false"},
	} {
		require.Equal(t, []string{c.name}, failed(expected(only(c.system, c.settings, c.down, c.column, c.value))), c.name)
	}
	nats := func(s *setting, down int, row map[string]string) bool {
		if s.Name == "NATS" && s.interval == 120_000 {
			row["lost"] = "0"
		}
		return true
	}
	require.Equal(t, []string{"nats-default-loses"}, failed(expected(nats)))
	without := func(s *setting, _ int, _ map[string]string) bool {
		return s.Name != "reference" && s.Name != systems.Redpanda.Name
	}
	require.Equal(t, []string{"reference-loses-nothing", "redpanda-loses-nothing"}, failed(expected(without)), "what never ran has shown nothing")
}

// 1 s and 10 s and a second for what is under way; two minutes are longer than the tape, and no interval is none.
func TestALossIsHeldToItsInterval(t *testing.T) {
	at := func(interval, lost int64) bool {
		rows := expected(func(s *setting, down int, row map[string]string) bool {
			if s.Name == "NATS" && s.interval == interval && down == 3 {
				row["lost_ms"] = fmt.Sprint(lost)
			}
			return true
		})
		c := intervalCheck(rows)
		return c.Holds
	}
	require.True(t, at(1000, 2000))
	require.False(t, at(1000, 2001))
	require.True(t, at(10_000, 11_000))
	require.False(t, at(10_000, 11_001))
	require.True(t, at(120_000, 75_000))
	require.Equal(t, "The most was 0.25 of that", intervalCheck(expected(func(*setting, int, map[string]string) bool { return true })).Found)
	require.False(t, intervalCheck(study.NewRows(Study.Tables[0].Columns)).Holds, "no interval was held to it")
}

func TestTheTableOfLosses(t *testing.T) {
	table := lossTable(expected(only("Kafka acks=1, ELR on", "acks=1 elr=on flush=none", 1, "lost", "70")))
	found := false
	for _, row := range table.Rows {
		if row[0] == "Kafka acks=1, ELR on" && row[1] == "acks=1 elr=on flush=none" {
			found = true
			require.Equal(t, []string{"kernel", "1.00 % (1.00 % to 1.00 %)", "0", "0.71 % (0.71 % to 0.71 %)", "1/1 0/1 1/1"}, row[2:])
		}
	}
	require.True(t, found)
	require.Len(t, table.Rows, len(settings(study.Small)), "a line for each setting")
	all := lostBy(expected(func(*setting, int, map[string]string) bool { return true }), "settings", kafkaDefaults, "nodes_down", "3")
	require.Equal(t, []any{int64(50), "50 of 7000 lost", 0.5}, []any{all.lost(), all.count(), all.seconds()})
	require.Equal(t, []string{"before ack", "kernel", "100 ms", "1 s", "120 s"}, []string{placeName(before), placeName(never), placeName(100), placeName(1000), placeName(120_000)})
}

func TestEachSettingSaysWhatItsAcknowledgementMeans(t *testing.T) {
	for _, size := range []study.Size{study.Small, study.Full} {
		seen := map[string]bool{}
		for _, s := range settings(size) {
			key := fmt.Sprint(s.Name, s.settings, s.interval)
			require.False(t, seen[key], key)
			seen[key] = true
			synced := s.interval == before && !strings.Contains(s.settings, "acks=0") // who is told nothing is not told of a sync
			require.Equal(t, synced, s.Policy == systems.Synced || s.Policy == systems.OneSynced, key)
			if s.Design == "kafka" {
				require.Equal(t, strings.Contains(s.settings, "acks=all"), s.Policy == systems.Synced || s.Policy == systems.Replicated, key)
			}
		}
	}
}

// A system with a sync before each acknowledgement at one place and none at another has two marks.
func TestAMarkSaysWhatTheAcknowledgementOfItsOwnPointMeans(t *testing.T) {
	rows := expected(func(*setting, int, map[string]string) bool { return true })
	synced := 0
	for _, l := range lossChart(rows.Where("nodes_down", "3"), "3").Lines {
		for _, p := range l.Points {
			first := p.X < 0.5 // before each acknowledgement
			switch l.Style.Mark {
			case figures.Disc, figures.Square:
				synced++
				require.True(t, first, "%s at %.1f", l.Name, p.X)
			case figures.Ring:
				require.False(t, first, "%s at %.1f", l.Name, p.X)
			default:
				require.True(t, !first || l.Style.Color == kafkaColors["Kafka acks=0, ELR on"], "%s at %.1f", l.Name, p.X)
			}
		}
	}
	require.Equal(t, 6, synced, "reference, NATS, Redpanda, Kafka with acks=all (ELR on and off) and 1")
}

// One cell of each kind: with a flush a second, power takes at most what came since the last one; before each acknowledgement, nothing.
func TestPowerTakesWhatIsNotSynced(t *testing.T) {
	o := &study.Options{Size: study.Small, Hardware: "server"}
	all, n := settings(study.Small), 0
	points := grid(o)
	require.Len(t, points, 3*len(all))
	for i, s := range all {
		kafka := s.settings == "acks=all elr=on flush=interval"
		if s.interval != 1000 || !kafka && s.Name != "NATS" {
			continue
		}
		n++
		var out study.Output
		require.NoError(t, points[3*i+2](rundir.Seed(1), &out))
		r := study.NewRows(Study.Tables[0].Columns, out.Rows["losses"]...)
		require.Equal(t, []string{s.Name, "1000", "3", "true"}, []string{r.Text(0, "system"), r.Text(0, "sync_interval_ms"), r.Text(0, "nodes_down"), r.Text(0, "read_back")})
		acked, lost := r.Int(0, "acked"), r.Int(0, "lost")
		require.InDelta(t, 9400, acked, 700, "100 a second, but for while it was dark, and until somebody led again")
		require.Positive(t, lost)
		require.LessOrEqual(t, lost, int64(200))
		require.Equal(t, []int64{lost * 1_000_000 / acked, lost * 10}, []int64{r.Int(0, "lost_ppm"), r.Int(0, "lost_ms")}, "100 messages a second")
	}
	require.Equal(t, 2, n)
	for i, s := range all {
		if s.settings != "acks=all elr=on flush=each" {
			continue
		}
		var out study.Output
		require.NoError(t, points[3*i+2](rundir.Seed(1), &out))
		r := study.NewRows(Study.Tables[0].Columns, out.Rows["losses"]...)
		require.Zero(t, r.Int(0, "lost"), "a flush of each batch leaves nothing to lose")
		require.Greater(t, r.Int(0, "acked"), int64(8000))
	}
}
