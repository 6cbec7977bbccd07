package studies

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/stats"
)

// concludePauseElections compares the share of pauses that cost a leader its place with the closed formula.
func concludePauseElections(t *Tables) (*Conclusion, error) {
	p := t.Of("points")
	c := &Conclusion{Answers: map[string]string{}}
	var charts []figures.Chart
	table := TextTable{
		Title: "Pauses of the leader that start an election or a fencing, with default timers",
		Head:  []string{"system", "by the formula possible above", "half of them at", "all at", "shortest that did here", "longest that did not"},
	}
	inside, points, never := 0, 0, true
	var worst []string
	for _, s := range patience() {
		rows := p.Where("system", s.name)
		chart, in, all := s.chart(rows)
		charts = append(charts, chart)
		inside, points = inside+in, points+all
		first, last := shortest(rows), longestWithout(rows)
		never = never && first > 100
		worst = append(worst, fmt.Sprintf("%s %d ms", s.name, first))
		controller := controllerShare(rows)
		table.Rows = append(table.Rows, []string{
			s.name, s.reach(0.0005, controller), s.reach(0.5, controller), s.reach(0.9995, controller), fmt.Sprintf("%d ms", first), fmt.Sprintf("%d ms", last),
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
	c.Checks = []Check{
		{
			"shares-follow-formula", "the shares agree with the closed formula: at least 85 % of the 95 % intervals hold its value", float64(inside) >= 0.85*float64(points),
			fmt.Sprintf("%d of %d do", inside, points),
		},
		{
			"collectors-start-no-election", "no pause of 100 ms or less, longer than any that Go or G1 at its goal makes, moves a leader", never,
			"shortest pause that did: " + moved,
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

func shortest(rows *Rows) (least int64) {
	for i := range rows.Len() {
		if length := rows.Int(i, "pause_ms"); rows.Int(i, "election") == 1 && (least == 0 || length < least) {
			least = length
		}
	}
	return least
}

func longestWithout(rows *Rows) (most int64) {
	for i := range rows.Len() {
		if rows.Int(i, "election") == 0 {
			most = max(most, rows.Int(i, "pause_ms"))
		}
	}
	return most
}

// controllerShare is the share of runs in which the paused node led the cluster's own group, too.
func controllerShare(rows *Rows) float64 {
	n := 0.0
	for _, v := range rows.Ints("paused_controller") {
		n += float64(v)
	}
	return n / float64(max(rows.Len(), 1))
}

// chart draws shares and formula; in counts the points whose interval holds the formula's value.
func (s *timed) chart(rows *Rows) (c figures.Chart, in, all int) {
	c = figures.Chart{
		Title: s.name, X: figures.Axis{Label: "length of the pause", Scale: figures.Log, Unit: figures.Nanos, Min: 3e7, Max: 3e10},
		Y:     figures.Axis{Label: "share with a new leadership", Unit: figures.PerMillion, Min: 0, Max: 1e6},
		Rules: []figures.Rule{{X: 39e6, Label: "Go"}},
	}
	measured := figures.Line{Name: "measured", Style: figures.Style{Color: figures.Blue, Mark: figures.Diamond}, Kind: figures.Marks}
	formula := figures.Line{Name: "closed formula", Style: figures.Style{Color: figures.Orange}, Kind: figures.Plain}
	controller := controllerShare(rows)
	for _, length := range rows.Values("pause_ms") {
		of := rows.Where("pause_ms", length)
		k := int64(0)
		for _, v := range of.Ints("election") {
			k += v
		}
		e := stats.Share(k, int64(of.Len()))
		g, _ := strconv.ParseFloat(length, 64)
		if want := s.chance(g, controller); want >= e.Low-1e-9 && want <= e.High+1e-9 {
			in++
		}
		all++
		measured.Points = append(measured.Points, figures.XY{X: g * 1e6, Y: e.Value * 1e6, Low: e.Low * 1e6, High: e.High * 1e6})
	}
	for g := 50.0; g <= 25_000; g *= 1.03 {
		formula.Points = append(formula.Points, figures.XY{X: g * 1e6, Y: s.chance(g, controller) * 1e6})
	}
	c.Lines = []figures.Line{formula, measured}
	return c, in, all
}

// reach is the pause at which the formula passes a share.
func (s *timed) reach(share, controller float64) string {
	for g := 10.0; g < 30_000; g += 10 {
		if s.chance(g, controller) > share {
			return fmt.Sprintf("%.2f s", g/1000)
		}
	}
	return "never"
}

// Links between nodes are broken after 3 to 3.6 s without a word, and dialled again within half a second (sim.NetworkConfig). What a
// broker that was stopped for longer says when it goes on is lost with the link, and it is heard again when it next speaks: a Raft
// leader at its next tick, Kafka's broker, which tries again five times a second, when the link is back.
const keepaliveMS, redialMS = 3300, 350

// chance is the closed formula: of a pause of g ms to cost the leader its place.
func (s *timed) chance(g, controller float64) float64 {
	redial, beat := 0.0, 0.0
	if g > keepaliveMS {
		redial, beat = redialMS, max(float64(s.tickMS), redialMS)
	}
	if !s.session {
		return chanceOfRaft(g+beat+1000/pauseRate, float64(s.tickMS), int(s.ticks), s.profile != "nats")
	}
	// A broker was last heard up to a heartbeat before; the controller looks ten times a second.
	const late = 50
	fenced := min(max((g+redial-late-(kafkaSessionMS-kafkaBeatMS))/kafkaBeatMS, 0), 1)
	// A controller that wakes still thinks that it is one: its own broker's first heartbeat goes to itself, the next to the new one.
	anew := chanceOfRaft(g+kafkaBeatMS-late-kafkaSessionMS+kafkaTickMS/2, kafkaTickMS, kafkaTicks, true)
	return controller*anew + (1-controller)*fenced
}

// chanceOfRaft is the chance that within so long a silence (ms) one of two followers has been elected, or, without pre-vote, has
// left the leader's term. Times are counted in ticks: see the study's text.
func chanceOfRaft(silence, tick float64, ticks int, preVote bool) float64 {
	const parts = 8 // of a tick, for the phases
	hits, all := 0, 0
	for k1 := ticks; k1 < 2*ticks; k1++ {
		for k2 := ticks; k2 < 2*ticks; k2++ {
			for i := range parts * parts {
				u1, u2 := (float64(i%parts)+0.5)/parts, (float64(i/parts)+0.5)/parts
				first, second := float64(k1)-u1, float64(k2)-u2
				if preVote && first < float64(ticks)-u2 {
					first += float64(k1) // refused; once more after the same time
				}
				if preVote && second < float64(ticks)-u1 {
					second += float64(k2)
				}
				all++
				if min(first, second)*tick <= silence {
					hits++
				}
			}
		}
	}
	return float64(hits) / float64(all)
}
