package core

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

func checks(c *study.Conclusion, t *study.Tables) {
	c.Checks = append(c.Checks, rateCheck(t.Of("rates")))
	fanoutChecks(c, t.Of("fanout"))
	one := t.Of("requests").Where("clients", "1").Median("p50_ns")
	c.Expect("request-floor", "A request takes no less than four hops of a TCP ping-pong on that machine (34 µs)", one >= 34_000, "It takes %s", words.Nanos(one))
	lossChecks(c, t.Of("losses"), t.Of("verdicts"))
}

func rateCheck(r *study.Rows) study.Check {
	holds, found := true, ""
	for _, rate := range r.Values("offered_per_s") {
		at := r.Where("offered_per_s", rate)
		slowest, fastest := at.Where("way", "core, other node").Median("p50_ns"), 0.0
		for _, name := range []string{"reference, ack", "NATS (2 min), ack", "Kafka acks=all, ack", "Redpanda acks=all, ack"} {
			if v := at.Where("way", name).Median("p50_ns"); fastest == 0 || v < fastest {
				fastest = v
			}
		}
		if n, _ := strconv.Atoi(rate); n <= 100_000 { // beyond, some are overloaded
			holds = holds && slowest < fastest
			found += fmt.Sprintf(" %s/s: %s against %s.", rate, words.Nanos(slowest), words.Nanos(fastest))
		}
	}
	return study.Check{Name: "core-is-faster", Expected: "Up to 100 k/s core, by way of another node, delivers sooner at the median than the fastest of the replicated logs acknowledges", Holds: holds, Found: "Medians:" + found}
}

func fanoutChecks(c *study.Conclusion, r *study.Rows) {
	worst := 1.0
	for _, m := range natsFanout {
		worst = min(worst, fanoutLine(r, m.bytes, blast).R2, fanoutLine(r, m.bytes, light).R2)
	}
	their, own := ratios(r)
	c.Expect("fanout-is-linear", "What a message costs grows linearly with its subscribers (R² of c_in + n·c_out above 0.98)", worst > 0.98, "The worst R² is %.4f", worst)
	c.Expect("fanout-as-driven", "Costs under a blast lie within a factor of two of those measured of a driver of this design", slices.Min(own) > 0.5 && slices.Max(own) < 2, "They are %.2f to %.2f of them", slices.Min(own), slices.Max(own))
	c.Expect("fanout-below-nats-server", "A blast costs no more than with nats-server, whose connections have goroutines of their own", slices.Max(their) < 1, "It costs %.2f to %.2f of it", slices.Min(their), slices.Max(their))
}

// lossChecks are what core messaging promises, and what was found.
func lossChecks(c *study.Conclusion, losses, verdicts *study.Rows) {
	broken := brokenRuns(verdicts)
	c.Expect("nothing-twice", "No run delivers a message twice, out of its publisher's order, or loses one without a cause", broken == 0, "%d of %d runs broke a guarantee", broken, verdicts.Len())
	byFault := func(o string) bool {
		return o == "crash" || o == "partition" || o == "pause" || strings.HasSuffix(o, "connection")
	}
	m := losses.Where("experiment", atMostOnce)
	none, most := share(m.Where("level", "0"), "messages", byFault), share(m.Where("level", "4"), "messages", byFault)
	c.Expect("faults-lose", "Without faults none is lost by them, at level 4 some in every range of seeds", none.Value == 0 && most.Low > 0,
		"By crash, partition, pause and broken connections %.0f per million without faults, %.0f (%.0f to %.0f) at level 4", none.Value, most.Value, most.Low, most.High)
	of := answeredShare(losses)
	c.Expect("services-are-found", "Without faults all but 1 % of the requests are answered though services move, with four rounds of faults all but 10 %", of("0", "answered") > 99 && of("4", "answered") > 90,
		"%.2f %% and %.2f %%", of("0", "answered"), of("4", "answered"))
}

// brokenRuns counts the runs that broke a guarantee.
func brokenRuns(verdicts *study.Rows) int { return verdicts.Where("verdict", "violated").Len() }
