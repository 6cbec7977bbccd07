package core

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// Processor time a message on the two-core machine (2 vCPU AMD EPYC, Linux 6.18, Go 1.26), November 2026, in nanoseconds: without
// subscribers, with one, and for each delivery to four. Of nats-server 2.15.2, and of a prototype of this project's driver, one
// machine that whoever has read takes and steps, where it was measured.
var natsFanout = []struct {
	bytes                         int
	in, oneToOne, ofFour          float64
	ownIn, ownOneToOne, ownOfFour float64
}{
	{16, 140, 560, 200, 52, 119, 70},
	{128, 210, 790, 490, 111, 209, 113},
	{1024, 560, 2000, 1300, 480, 1150, 0},
	{16384, 12500, 15400, 9600, 0, 15000, 8700},
}

// coreFanout fits what a message costs on its way in and on each way out, and compares it with nats-server.
func fanout(c *study.Conclusion, r *study.Rows) {
	fits := study.TextTable{
		Title: "Processor time of a broker on the two-core machine: c_in + n·c_out for n subscribers, fitted",
		Head:  []string{"payload (B)", "c_in, blast", "c_out", "R²", "c_in, 1000/s", "c_out", "R²"},
	}
	versus := study.TextTable{
		Title: "Processor time under a blast: here; nats-server 2.15.2's, measured on the two-core machine, and here's ratio to it; this project's driver's, measured there, and the ratio",
		Head:  []string{"payload (B)", "", "here", "nats-server", "ratio", "driver", "ratio"},
	}
	worst, their, own := 1.0, []float64(nil), []float64(nil)
	for _, m := range natsFanout {
		at := r.Where("payload_bytes", strconv.Itoa(m.bytes))
		row := []string{strconv.Itoa(m.bytes)}
		for _, mode := range []string{blast, light} {
			f := study.FitLine(perMessage(at.Where("mode", mode)))
			row = append(row, words.Nanos(f.Base), words.Nanos(f.Slope), fmt.Sprintf("%.4f", f.R2))
			worst = min(worst, f.R2)
		}
		fits.Rows = append(fits.Rows, row)
		b := perMessage(at.Where("mode", blast))
		for _, v := range []struct {
			what               string
			here, there, drive float64
		}{{"in only", b[0].Y, m.in, m.ownIn}, {"one to one", b[1].Y, m.oneToOne, m.ownOneToOne}, {"a delivery to four", b[2].Y / 4, m.ofFour, m.ownOfFour}} {
			row := []string{strconv.Itoa(m.bytes), v.what, words.Nanos(v.here), words.Nanos(v.there), fmt.Sprintf("%.2f", v.here/v.there), "–", "–"}
			their = append(their, v.here/v.there)
			if v.drive > 0 {
				row[5], row[6] = words.Nanos(v.drive), fmt.Sprintf("%.2f", v.here/v.drive)
				own = append(own, v.here/v.drive)
			}
			versus.Rows = append(versus.Rows, row)
		}
	}
	c.Tables = append(c.Tables, fits, versus)
	c.Expect("fanout-is-linear", "What a message costs grows linearly with its subscribers (R² of c_in + n·c_out above 0.98)", worst > 0.98, "The worst R² is %.4f", worst)
	c.Expect("fanout-as-driven", "Costs under a blast lie within a factor of two of those measured of a driver of this design", slices.Min(own) > 0.5 && slices.Max(own) < 2, "They are %.2f to %.2f of them", slices.Min(own), slices.Max(own))
	c.Expect("fanout-below-nats-server", "A blast costs no more than with nats-server, whose connections have goroutines of their own", slices.Max(their) < 1, "It costs %.2f to %.2f of it", slices.Min(their), slices.Max(their))
	c.Say("Under a blast a message costs this broker %.2f to %.2f of the processor time that nats-server 2.15.2 needs, least where messages are small. That is a difference of design, not of the model: "+
		"one machine, stepped by whoever has read, whose reads and writes are whole batches, against a goroutine for each connection, a lock for each delivery and wake-ups of flushers; a driver of this design, "+
		"measured on the same machine, agrees with the model to %.2f to %.2f. At 1000 messages a second, when nothing is batched, each further subscriber costs %s: a write of its own.",
		slices.Min(their), slices.Max(their), slices.Min(own), slices.Max(own), words.Nanos(study.FitLine(perMessage(r.Where("mode", light, "payload_bytes", "16"))).Slope))
}

// perMessage is the processor time a message against its subscribers, over all seeds.
func perMessage(r *study.Rows) (out []figures.XY) {
	for _, n := range r.Values("subscribers") {
		at := r.Where("subscribers", n)
		busy, messages := int64(0), int64(0)
		for i := range at.Len() {
			busy += at.Int(i, "busy_ns")
			messages += at.Int(i, "messages")
		}
		x, _ := strconv.ParseFloat(n, 64)
		out = append(out, figures.XY{X: x, Y: float64(busy) / float64(max(messages, 1))})
	}
	return out
}
