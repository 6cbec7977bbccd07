package broker

import (
	"encoding/base64"

	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/stream"
	"github.com/brokerlab/brokerlab/model/subject"
)

// getRequest asks for messages, of MSG.GET and of DIRECT.GET.
type getRequest struct {
	Seq       uint64   `json:"seq"`
	LastFor   string   `json:"last_by_subj"`
	NextFor   string   `json:"next_by_subj"`
	Batch     int      `json:"batch"`
	MaxBytes  int      `json:"max_bytes"`
	StartTime string   `json:"start_time"`
	MultiLast []string `json:"multi_last"`
	UpToSeq   uint64   `json:"up_to_seq"`
	UpToTime  string   `json:"up_to_time"`
	NoHeaders bool     `json:"no_hdr"`

	start int64 // StartTime in nanoseconds
}

// conflicting says whether the request asks for two things at once, or by what is no subject or time.
func (r *getRequest) conflicting() bool {
	for _, filter := range append([]string{r.LastFor, r.NextFor}, r.MultiLast...) {
		if filter != "" && !subject.ValidFilter(filter) {
			return true
		}
	}
	if r.StartTime != "" {
		at, ok := stream.ParseTime(r.StartTime)
		if !ok {
			return true
		}
		r.start = at
	}
	return r.Seq > 0 && (r.LastFor != "" || r.StartTime != "") ||
		r.LastFor != "" && (r.StartTime != "" || r.NextFor != "" || r.Batch > 0 || len(r.MultiLast) > 0) ||
		r.NextFor != "" && len(r.MultiLast) > 0
}

// getMessage answers with one message. The leader answers, once it knows that it leads.
func (s *streamState) getMessage(m *message) {
	var req getRequest
	why := parseRequest(m.data, &req)
	switch {
	case why != nil:
	case req.Batch > 0 || req.MaxBytes > 0 || len(req.MultiLast) > 0 || req.UpToSeq > 0 || req.UpToTime != "",
		req.Seq == 0 && req.LastFor == "" && req.NextFor == "" && req.StartTime == "", req.conflicting():
		why = errBadRequest
	}
	if why != nil {
		s.g.b.reply(string(m.reply), why.typed(typeMsgGet))
		return
	}
	s.g.readWhenLeading(string(m.reply), func(reply string) { s.answerGet(reply, &req) })
}

func (s *streamState) answerGet(reply string, req *getRequest) {
	b := s.g.b
	b.fx.Charge(machine.WorkAPI, 1, 0, 0) // bytes when they are there
	seq, ok := s.locate(req)
	if !ok {
		b.reply(reply, errMessageNotFound.typed(typeMsgGet))
		return
	}
	s.load(seq, func(m *store.Message) {
		switch {
		case m != nil:
			answer := messageJSON(m, req.NoHeaders)
			b.fx.Charge(machine.WorkAPI, 0, int64(len(answer)), 0)
			b.reply(reply, answer)
		case s.holds(seq):
			b.reply(reply, errUnavailable.typed(typeMsgGet))
		default:
			b.reply(reply, errMessageNotFound.typed(typeMsgGet))
		}
	})
}

// locate finds the message that a request is for.
func (s *streamState) locate(req *getRequest) (seq uint64, ok bool) {
	from := req.Seq
	if req.StartTime != "" {
		if from, ok = s.g.store.FirstAfter(req.start); !ok {
			return 0, false
		}
	}
	switch {
	case req.NextFor != "":
		return s.g.store.NextMatch(from, []string{req.NextFor})
	case req.LastFor != "":
		return s.g.store.LastMatch([]string{req.LastFor})
	}
	return from, s.holds(from)
}

func (s *streamState) holds(seq uint64) bool {
	_, ok := s.g.store.SizeOf(seq)
	return ok
}

// load calls then with message seq, now or when it has been read; with nil if it is not there, has gone
// meanwhile, or cannot be read.
func (s *streamState) load(seq uint64, then func(*store.Message)) {
	switch m, token, found := s.g.store.Get(s.g.b.fx, seq); {
	case !found:
		then(nil)
	case token == 0:
		then(&m)
	default:
		s.g.note(NoteDiskRead)
		s.g.b.diskReads[token] = then
	}
}

type storedMessage struct {
	Subject string `json:"subject"`
	Seq     uint64 `json:"seq"`
	Header  string `json:"hdrs,omitempty"`
	Data    string `json:"data,omitempty"`
	Time    string `json:"time"`
}

func messageJSON(m *store.Message, bare bool) []byte {
	sm := storedMessage{Subject: m.Subject, Seq: m.Seq, Time: stamp(m.Time), Data: base64.StdEncoding.EncodeToString(m.Data)}
	if !bare {
		sm.Header = base64.StdEncoding.EncodeToString(m.Header)
	}
	return marshal(struct {
		Type    string        `json:"type"`
		Message storedMessage `json:"message"`
	}{typeMsgGet, sm})
}
