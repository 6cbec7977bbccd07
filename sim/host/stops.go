package host

import "github.com/brokerlab/brokerlab/model/load"

// stopsCollector stops the world for StopMin at the moments of a Poisson process.
type stopsCollector struct {
	cfg  CollectorConfig
	h    *Host
	draw func(n uint64) uint64
	n    uint64
	at   int64 // of the next
}

func newStops(cfg CollectorConfig, h *Host, draw func(n uint64) uint64) *stopsCollector {
	s := &stopsCollector{cfg: cfg, h: h, draw: draw}
	s.next()
	return s
}

// next draws when the next pause begins; a program that had nothing to do meanwhile is stopped all the same.
func (s *stopsCollector) next() {
	s.n++
	s.at += load.Key(s.draw(s.n)).Exponential(0, s.cfg.Every)
}

func (s *stopsCollector) advance(now int64) {
	for s.at <= now {
		s.h.stop(s.at, s.cfg.StopMin)
		s.h.log(Event{Kind: Pause, At: s.at, Nanos: s.cfg.StopMin, Why: "stop"})
		s.next()
	}
}

func (s *stopsCollector) charge(_, cost, _ int64) int64 { return cost }
