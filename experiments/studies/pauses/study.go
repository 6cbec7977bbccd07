package pauses

import (
	"fmt"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/study"
)

var Tail = study.Study{
	Name:     "pause-tail",
	Question: "What do pauses do to tail latency, and where does the closed formula say it?",
	Vary:     "length and rate of pauses, load; one server by itself, and brokers with replicas",
	Small:    1, Full: 30,
	Tables: []study.Table{
		{Name: "server", Columns: []string{"pause_ns", "every_ns", "load_permille", "seed", "arrivals", "pauses", "mean_ns", "p99_ns", "p99.9_ns"}},
		{Name: "queue", Columns: []string{"service", "load_permille", "seed", "arrivals", "mean_service_ns", "second_moment_ns2_per_1000", "mean_ns"}},
		{Name: "brokers", Columns: []string{"system", "design", "pause_ns", "every_ns", "seed", "ok", "late", "p50_ns", "p99_ns", "p99.9_ns", "busy_permille", "events"}},
	},
	Grid:     tailGrid,
	Conclude: concludeTail,
}

// concludePauseTail compares tails with the closed formula, and brokers with what their acknowledgements wait for.
func concludeTail(t *study.Tables) (*study.Conclusion, error) {
	c := &study.Conclusion{Answers: map[string]string{}}
	rows := tailCases(t.Of("server"))
	f, err := tailFigure(t, rows)
	if err != nil {
		return nil, err
	}
	c.Figures = append(c.Figures, f)
	c.Tables = append(c.Tables, tailTable(rows), pathTable(t.Of("brokers")))
	c.Checks = []study.Check{tailSeldom(rows), tailOften(rows), queueCheck(t.Of("queue")), pathCheck(t.Of("brokers"))}
	c.Paragraphs = []string{
		"A server that is stopped for G at rate gamma (Poisson) and is busy a share rho of the time otherwise: messages that come in a pause wait for its end, those behind them for the backlog, so that P(delay > d) = gamma*(G-d)/(1-rho) and the quantile is d_p = G - (1-p)(1-rho)/gamma. That leaves out pauses that meet, and the queue that there is without pauses.",
		tailWords(rows),
		"Brokers, every node stopped for 20 ms once a second on average, at times of its own: the share of publishes that are late by more than half a pause is k*gamma*(G/2)/(1-rho), k being the nodes that an acknowledgement waits for. Redpanda's producer talks to the leader, and the second of two followers is enough: k = 1. A NATS client talks to any of three nodes, which passes the publish on to the leader: k = 1 + 2/3. Kafka's leader waits for every member of the ISR: k = 3.",
	}
	c.Answers["go-gc-ceiling"] = "A pause moves a quantile only when it is hit often enough: 0.02 ms twenty times a second is invisible at 99 % (0.02 ms - 0.01*(1-rho)/20 s is below zero), a pause of 20 ms once a second at half load makes it 15 ms. " + pathWords(t.Of("brokers"))
	c.Answers["why-not-kafka"] = pathWords(t.Of("brokers"))
	return c, nil
}

var Elections = study.Study{
	Name:     "pause-elections",
	Question: "How long must a leader be stopped, by a collector or anything else, before another takes its place?",
	Vary:     "length of one pause of the leader, by design with its default timers",
	Small:    20, Full: 100,
	Tables: []study.Table{
		{Name: "points", Columns: []string{
			"system", "design", "pause_ms", "seed", "paused_node", "paused_controller", "election", "moved", "after_ns", "ok", "failed", "max_ns", "events",
		}},
	},
	Grid:     electionsGrid,
	Conclude: concludeElections,
}

// concludePauseElections compares the share of pauses that cost a leader its place with the closed formula.
func concludeElections(t *study.Tables) (*study.Conclusion, error) {
	p := t.Of("points")
	c := &study.Conclusion{Answers: map[string]string{}}
	var charts []figures.Chart
	table := study.TextTable{
		Title: "Pauses of the leader that start an election or a fencing, with default timers",
		Head:  []string{"system", "by the formula possible above", "half of them at", "all at", "shortest that did here", "longest that did not"},
	}
	inside, points, never := 0, 0, true
	var worst []string
	for _, s := range patience() {
		rows := p.Where("system", s.Name)
		chart, in, all := s.chart(rows)
		charts = append(charts, chart)
		inside, points = inside+in, points+all
		first, last := shortest(rows), longestWithout(rows)
		never = never && first > 100
		worst = append(worst, fmt.Sprintf("%s %d ms", s.Name, first))
		controller := controllerShare(rows)
		table.Rows = append(table.Rows, []string{
			s.Name, s.reach(0.0005, controller), s.reach(0.5, controller), s.reach(0.9995, controller), fmt.Sprintf("%d ms", first), fmt.Sprintf("%d ms", last),
		})
	}
	f, err := figures.Grid("elections", "How long a pause of the leader costs it its place",
		"Share of pauses after which the stream had a new leadership, with Wilson's intervals; the line is the closed formula with the design's own timers. The longest pause of Go measured on a crowded two-core machine was 39 ms.",
		t.Command, 2, charts)
	if err != nil {
		return nil, err
	}
	c.Figures = append(c.Figures, f)
	moved := strings.Join(worst, ", ")
	c.Tables = append(c.Tables, table)
	c.Checks = []study.Check{
		{
			Name: "shares-follow-formula", Expected: "the shares agree with the closed formula: at least 85 % of the 95 % intervals hold its value", Holds: float64(inside) >= 0.85*float64(points),
			Found: fmt.Sprintf("%d of %d do", inside, points),
		},
		{
			Name: "collectors-start-no-election", Expected: "no pause of 100 ms or less, longer than any that Go or G1 at its goal makes, moves a leader", Holds: never,
			Found: "shortest pause that did: " + moved,
		},
	}
	c.Paragraphs = []string{
		"One pause of a stream's leader (it is stopped, its connections stay open), at a random phase of every timer; followers hear of it 50 times a second before. The formula: a follower's patience is counted in ticks that beat at times of their own, so that after the leader's last word it fires after (k - u) ticks, k even between the shortest timeout and twice as many less one, u even between 0 and 1; the first of two followers decides, and with pre-vote it is heard only by one that has itself missed the leader for a shortest timeout. Field notes have T even between Tmin and Tmax: this is that with both a tick shorter, in the mean half a tick. Links between nodes are broken after 3 s without a word; a leader that was stopped for longer is heard again at its next tick, or when the link is back, which lengthens the silence by up to a second.",
		"Kafka's controller fences a broker that it did not hear for a session of 9 s, whose heartbeats come every 2 s. If the paused broker leads the controllers' quorum too, that has to elect first, and the new controller begins every session anew; the woken one sends its first heartbeat to itself, and the next, two seconds later, to its successor.",
		fmt.Sprintf("Smallest pauses that moved a leader here: %s. Collectors of Go and ZGC do not come near; a full collection of G1 with 1 GiB on two threads (about 1 s in the model, 0.3 to 1 GB/s a thread) does for the reference broker's timers, and not for NATS's or Kafka's.", moved),
	}
	c.Answers["go-gc-ceiling"] = "No pause of a collector moves a leader: the shortest that did here were " + moved + ", against 39 ms, the longest of Go's measured on a crowded machine. Stops of a virtual machine, swapping, or a sync that blocks the broker do."
	c.Answers["failover"] = "A leader that is stopped keeps its place until followers lose patience; the shortest pauses that cost it its place were " + moved + "."
	return c, nil
}
