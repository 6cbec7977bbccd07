package core

import (
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// fanoutMeasured is processor time a message on the two-core machine (2 vCPU AMD EPYC, Linux 6.18, Go 1.26), November 2026, in nanoseconds: without
// subscribers, with one, and for each delivery to four. Of nats-server 2.15.2, and of a prototype of this project's driver, one
// machine that whoever has read takes and steps, where it was measured.
type fanoutMeasured struct {
	bytes                         int
	in, oneToOne, ofFour          float64
	ownIn, ownOneToOne, ownOfFour float64
}

// natsFanout are the measurements.
var natsFanout = []fanoutMeasured{
	{16, 140, 560, 200, 52, 119, 70},
	{128, 210, 790, 490, 111, 209, 113},
	{1024, 560, 2000, 1300, 480, 1150, 0},
	{16384, 12500, 15400, 9600, 0, 15000, 8700},
}

// natsRequests are requests of nats-server on the two-core machine, 128 B, closed loop, client and server sharing the cores: a second, and
// percentiles in microseconds.
var natsRequests = []struct{ clients, rate, p50, p99 int }{{1, 4300, 221, 448}, {16, 23_700, 583, 2185}, {64, 29_100, 2000, 5800}}

// beside is what one message costs here, with nats-server, and with a driver of this design (0: not measured), in nanoseconds.
type beside struct {
	what               string
	here, there, drive float64
}

// besides compares what is measured here under a blast with one payload's measurements.
func (m *fanoutMeasured) besides(r *study.Rows) []beside {
	b := perMessage(r.Where("payload_bytes", strconv.Itoa(m.bytes), "mode", blast))
	return []beside{{"in only", b[0].Y, m.in, m.ownIn}, {"one to one", b[1].Y, m.oneToOne, m.ownOneToOne}, {"a delivery to four", b[2].Y / 4, m.ofFour, m.ownOfFour}}
}

// ratios are costs here over nats-server's, and over the driver's.
func ratios(r *study.Rows) (their, own []float64) {
	for _, m := range natsFanout {
		for _, b := range m.besides(r) {
			their = append(their, b.here/b.there)
			if b.drive > 0 {
				own = append(own, b.here/b.drive)
			}
		}
	}
	return their, own
}

// fanoutLine is c_in + n·c_out, fitted for a payload and a mode.
func fanoutLine(r *study.Rows, bytes int, mode string) study.Line {
	return study.FitLine(perMessage(r.Where("payload_bytes", strconv.Itoa(bytes), "mode", mode)))
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
