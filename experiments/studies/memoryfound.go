package studies

import (
	"fmt"
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/stats"
)

// concludeMemory says with what memory grows, and holds every queue to the bound in its configuration.
func concludeMemory(t *Tables) (*Conclusion, error) {
	c := &Conclusion{Answers: map[string]string{}}
	p, u := t.Of("points"), t.Of("uses")
	f, err := memoryFigure(t, p)
	if err != nil {
		return nil, err
	}
	c.Figures = append(c.Figures, f)
	c.Tables = append(c.Tables, memoryTable(p, u))
	c.Checks = []Check{
		boundCheck(u, "raft-tail-bounded", "the uncompacted log in memory is at most TailBytes (4 MiB) and one batch (256 KiB) a group, streams and the cluster's own", "raft tail",
			[]string{"messages", "subjects", "partitions"}, &reference, func(axis string, n, _ int64) int64 { return (groups(axis, n) + 1) * (tailBound + keepSlack) }),
		boundCheck(u, "cache-bounded", "beyond 24 bytes a message of index, 72 a subject, both doubled at most by growing, a stream keeps its newest messages up to CacheBytes (4 MiB), a cached one taking 104 bytes more than itself: at most three times CacheBytes", "stores",
			[]string{"messages", "subjects", "partitions"}, &reference, storeBound),
		boundCheck(u, "slow-subscribers-bounded", "what waits for subscribers that do not read is at most PendingBytes (1 MiB here) each", "connections",
			[]string{"slow subscribers"}, &reference, func(_ string, n, _ int64) int64 { return n*pendingBound + 8*keepSlack }),
		boundCheck(u, "partition-cache-bounded", "Kafka's design keeps at most CacheBytes (4 MiB) of each partition's log, and one batch", "partition logs",
			[]string{"messages", "partitions"}, &kafkaAll, func(axis string, n, _ int64) int64 { return groups(axis, n) * (cacheBound + keepSlack) }),
	}
	c.Paragraphs = []string{
		"Live bytes are what the machines themselves account for (Footprint), the most of any sample of the node that holds most; the heap is the collector model's, with Go at GOGC 100 for the reference broker, which lets it grow to twice what lives.",
		fmt.Sprintf("Messages are on disk. In memory the reference broker keeps an index of 24 bytes a message, its newest messages and the uncompacted Raft log: %s live at %s messages. What grows without a bound is the index, and with it subjects; a subscription takes some 400 bytes (measured). Kafka's partition log here is a cache of the page cache's kind, and no index of it is kept in memory.",
			bytesText(liveAtMost(p, "messages", &reference)), lastSize(p, "messages", &reference)),
		fmt.Sprintf("Slow subscribers: %s of them, with 8 MB/s for each, hold %s. From half of the bound on their producers are not read from, so that little more than half waits.", lastSize(p, "slow subscribers", &reference), bytesText(liveAtMost(p, "slow subscribers", &reference))),
		"Not accounted for in bytes: a consumer's own state. That the consumers' axis is level says nothing of it, then.",
	}
	c.Answers["memory-grows"] = fmt.Sprintf("It grows with what is asked of it, and every queue has a bound that held: %s live at %s messages (24 bytes each of index; the rest is caches), %s with %s subscribers that do not read (at most 1 MiB each as configured; 64 MiB by default, which is how a NATS server's memory grows). With 64 MiB a connection the bound is there, and far away.",
		bytesText(liveAtMost(p, "messages", &reference)), lastSize(p, "messages", &reference), bytesText(liveAtMost(p, "slow subscribers", &reference)), lastSize(p, "slow subscribers", &reference))
	return c, nil
}

// groups that hold logs.
func groups(axis string, n int64) int64 {
	if axis == "partitions" {
		return n
	}
	return 1
}

// storeBound is the index of count messages on n subjects, and caches.
func storeBound(axis string, n, count int64) int64 {
	subjects := int64(4)
	if axis == "subjects" {
		subjects = n
	}
	return 2*(24*count+(72+56)*subjects) + (groups(axis, n)+1)*3*cacheBound
}

// boundCheck holds a kind of use to its bound, on every size of some axes.
func boundCheck(u *Rows, name, expected, kind string, axes []string, s *system, bound func(axis string, n, count int64) int64) Check {
	check := Check{Name: name, Expected: expected, Holds: true}
	nearest, seen := 0.0, 0
	for _, axis := range axes {
		rows := u.Where("axis", axis, "system", s.name, "kind", kind)
		for i := range rows.Len() {
			n, have := rows.Int(i, "n"), rows.Int(i, "bytes")
			limit := bound(axis, n, rows.Int(i, "count"))
			check.Holds = check.Holds && have <= limit
			seen++
			if share := float64(have) / float64(limit); share > nearest {
				nearest = share
				check.Found = fmt.Sprintf("nearest to it: %s of %s, with %s = %d", bytesText(float64(have)), bytesText(float64(limit)), axis, n)
			}
		}
	}
	check.Holds = check.Holds && seen > 0
	return check
}

func bytesText(b float64) string {
	if b < 1<<20 {
		return fmt.Sprintf("%.0f KiB", b/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", b/(1<<20))
}

// liveAtMost is the median of live bytes at an axis's largest size.
func liveAtMost(p *Rows, axis string, s *system) float64 {
	return median(p.Where("axis", axis, "system", s.name, "n", lastSize(p, axis, s)), "live_bytes")
}

func lastSize(p *Rows, axis string, s *system) string {
	sizes := p.Where("axis", axis, "system", s.name).Values("n")
	return sizes[len(sizes)-1]
}

func memoryTable(p, u *Rows) TextTable {
	out := TextTable{Title: "Live bytes by kind, of the node that holds most; medians over seeds", Head: []string{"axis, system", "n", "live", "heap", "stores or logs", "raft tail", "connections", "interest"}}
	for _, a := range memoryAxes() {
		rows := p.Where("axis", a.name, "system", a.system.name)
		for _, n := range rows.Values("n") {
			of := u.Where("axis", a.name, "system", a.system.name, "n", n)
			kind := func(names ...string) string {
				total := 0.0
				for _, name := range names {
					total += median(of.Where("kind", name), "bytes")
				}
				return bytesText(total)
			}
			at := rows.Where("n", n)
			out.Rows = append(out.Rows, []string{
				a.name + ", " + a.system.name, n, bytesText(median(at, "live_bytes")), bytesText(median(at, "heap_bytes")),
				kind("stores", "partition logs"), kind("raft tail"), kind("connections"), kind("interest"),
			})
		}
	}
	return out
}

// memoryFigure draws live bytes and heap against each axis.
func memoryFigure(t *Tables, p *Rows) (figures.Figure, error) {
	var charts []figures.Chart
	at := map[string]int{}
	for _, a := range memoryAxes() {
		i, ok := at[a.name]
		if !ok {
			i = len(charts)
			at[a.name] = i
			charts = append(charts, figures.Chart{Title: "against " + a.name, X: figures.Axis{Label: a.name, Scale: figures.Log}, Y: figures.Axis{Label: "bytes", Scale: figures.Log, Unit: figures.Bytes}})
		}
		rows := p.Where("axis", a.name, "system", a.system.name)
		live := figures.Line{Name: a.system.name + ": live", Style: a.system.style()}
		heap := figures.Line{Name: a.system.name + ": heap", Style: a.system.style(), Kind: figures.Plain}
		heap.Style.Dashed = true
		for _, n := range rows.Values("n") {
			x, _ := strconv.ParseFloat(n, 64)
			of := rows.Where("n", n)
			e := stats.Median(of.Ints("live_bytes"))
			live.Points = append(live.Points, figures.XY{X: x, Y: e.Value, Low: e.Low, High: e.High})
			heap.Points = append(heap.Points, figures.XY{X: x, Y: median(of, "heap_bytes")})
		}
		charts[i].Lines = append(charts[i].Lines, live, heap)
		if a.name == "slow subscribers" {
			charts[i].Lines = append(charts[i].Lines, boundLine(rows))
		}
	}
	return figures.Grid("memory", "What memory grows with",
		"Live bytes of the node that holds most, as the machines account for them, and the most that the collector's model had on its heap, which is no less. The bound of slow subscribers is PendingBytes each.", t.Command, 2, charts)
}

func boundLine(rows *Rows) figures.Line {
	line := figures.Line{Name: "bound", Style: figures.Style{Color: figures.Red, Dashed: true}, Kind: figures.Plain}
	for _, n := range rows.Values("n") {
		x, _ := strconv.ParseFloat(n, 64)
		line.Points = append(line.Points, figures.XY{X: x, Y: x * pendingBound})
	}
	return line
}
