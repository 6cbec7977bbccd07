package consumer

import (
	"math/bits"
	"strconv"

	config "github.com/brokerlab/brokerlab/model/consumer"
	"github.com/brokerlab/brokerlab/model/machine"
)

// Window of flow control, in bytes: where it starts and how far it grows (nats-server JsFlowControlMaxPending).
const (
	windowMax   = 32 << 20
	windowStart = windowMax / 16
	// burst is what a rate limit lets pass at once: the largest message there is.
	burst = 1 << 20
)

// push is what a leader keeps of a push consumer: who listens, flow control, pace and heartbeats. Pull consumers use
// of it the pace alone.
type push struct {
	wanted bool
	lostAt machine.Mono // when nobody listened any more

	window, out, asked int // bytes: allowed, sent and not known to be processed, of which a request is about
	request            string
	requests           uint64

	nextBeat machine.Mono

	paidUntil machine.Mono // rate limit: when everything sent so far has had its time
	// Replay as it was: the message before, and up to where the stream reached when this leader began.
	replayTo        uint64
	lastStamp       int64
	lastAt, resumes machine.Mono
}

func (p *push) begin(l *Leader, now machine.Mono) {
	p.window, p.lostAt = windowStart, now
	if l.cfg.Push() {
		p.wanted = l.src.Wanted(l.cfg.DeliverSubject, l.cfg.DeliverGroup)
	}
	if l.cfg.Heartbeat > 0 {
		p.nextBeat = now + machine.Mono(l.cfg.Heartbeat)
	}
	if l.cfg.ReplayPolicy == config.ReplayOriginal {
		p.replayTo = l.src.Last()
	}
}

// Listened tells that interest in the deliver subject may have changed.
func (l *Leader) Listened(now machine.Mono) {
	p := &l.push
	was := p.wanted
	p.wanted = l.src.Wanted(l.cfg.DeliverSubject, l.cfg.DeliverGroup)
	if was && !p.wanted {
		p.lostAt = now
	}
}

// open says whether anything may be sent now.
func (p *push) open(l *Leader) bool {
	p.resumes = 0
	return !l.cfg.Push() || p.wanted && !(l.cfg.FlowControl && p.out > p.window)
}

// affords says whether the rate limit lets a message of size bytes pass now.
func (p *push) affords(l *Leader, now machine.Mono, size int) bool {
	if l.cfg.RateLimit == 0 {
		return true
	}
	at := max(p.paidUntil, now) + p.cost(l, size) - p.cost(l, max(burst, size))
	if at > now {
		p.resumes = at
	}
	return at <= now
}

// cost is how long a rate limit takes for bytes.
func (p *push) cost(l *Leader, bytes int) machine.Mono {
	hi, lo := bits.Mul64(uint64(bytes)*8, sec)
	if hi >= l.cfg.RateLimit {
		return maxDelay
	}
	t, _ := bits.Div64(hi, lo, l.cfg.RateLimit)
	return machine.Mono(min(t, maxDelay))
}

// reached says whether the time of message seq has come, when messages are replayed as they came.
func (p *push) reached(l *Leader, now machine.Mono, seq uint64) bool {
	if seq > p.replayTo {
		p.replayTo = 0
		return true
	}
	if p.lastStamp == 0 {
		return true
	}
	gap := min(max(l.src.Stamp(seq)-p.lastStamp, 0), maxDelay)
	if at := p.lastAt + machine.Mono(gap); gap > ms && at > now {
		p.resumes = at
		return false
	}
	return true
}

// paced notes that a message is on its way.
func (p *push) paced(l *Leader, now machine.Mono, f inFlight) {
	if p.replayTo > 0 {
		p.lastStamp, p.lastAt = l.src.Stamp(f.Seq), now
	}
	if l.cfg.RateLimit > 0 {
		p.paidUntil = max(p.paidUntil, now) + p.cost(l, f.size)
	}
}

// sent follows a message that was sent to the deliver subject: over half of the window, the client is asked to say
// how far it has come (nats-server needFlowControl).
func (p *push) sent(l *Leader, now machine.Mono, size int, out *Out) {
	if l.cfg.Heartbeat > 0 {
		p.nextBeat = now + machine.Mono(l.cfg.Heartbeat)
	}
	if !l.cfg.FlowControl {
		return
	}
	p.out += size
	if p.request != "" {
		if p.out-p.asked >= p.window {
			p.asked += size
		}
		return
	}
	if p.out > p.window/2 {
		p.requests++
		p.asked, p.request = p.out, FlowPrefix+l.stream+"."+l.name+"."+strconv.FormatUint(p.requests, 36)
		out.Sends = append(out.Sends, Send{To: l.cfg.DeliverSubject, Reply: p.request, Status: &Status{Code: 100, Text: "FlowControl Request"}})
	}
}

// Flowed takes the client's answer to a flow control request, published to subject.
func (l *Leader) Flowed(subject string) {
	p := &l.push
	if p.request == "" || subject != p.request {
		return
	}
	p.window = min(2*p.window, windowMax)
	p.out = max(p.out-p.asked, 0)
	p.asked, p.request = 0, ""
}

func (p *push) tick(l *Leader, now machine.Mono, out *Out) {
	if p.nextBeat == 0 || now < p.nextBeat {
		return
	}
	p.nextBeat = now + machine.Mono(l.cfg.Heartbeat)
	if p.wanted {
		out.say(l.cfg.DeliverSubject, l.heartbeat())
	}
}

// heartbeat says how far the consumer has come, and what flow control waits for.
func (l *Leader) heartbeat() *Status {
	s := &Status{Code: 100, Text: "Idle Heartbeat", Fields: []string{
		"Nats-Last-Consumer", strconv.FormatUint(l.view.Delivered.Consumer, 10),
		"Nats-Last-Stream", strconv.FormatUint(l.view.Delivered.Stream, 10),
	}}
	if l.push.request != "" {
		s.Fields = append(s.Fields, "Nats-Consumer-Stalled", l.push.request)
	}
	return s
}

// wake is when a push consumer has something to do by itself; 0 for never.
func (p *push) wake(*Leader) machine.Mono {
	switch {
	case p.resumes == 0:
		return p.nextBeat
	case p.nextBeat == 0:
		return p.resumes
	}
	return min(p.resumes, p.nextBeat)
}
