package broker

import (
	"bytes"
	"strconv"

	"github.com/brokerlab/brokerlab/impl/expect"
	"github.com/brokerlab/brokerlab/model/subject"
)

const maxHeaderBytes = 65535

// fastBatchSuffix ends the reply subject of a publish that belongs to a fast batch (nats-server FastBatchSuffix).
const fastBatchSuffix = ".$FI"

// publish takes a message that a client published into the batch of the group.
func (s *streamState) publish(m *message) {
	if internal(m.subject) {
		return
	}
	reply := string(m.reply)
	if s.cfg.NoAck {
		reply = ""
	}
	var wish expect.Wish
	if len(m.header) > 0 {
		wish = expect.Parse(m.header)
	}
	if why := s.refusal(m, &wish); why != nil {
		s.g.b.reply(reply, why.json(s.name()))
		return
	}
	if answer := s.decide(m.subject, &wish); answer != nil {
		s.g.b.reply(reply, answer)
		return
	}
	cmd := append(make([]byte, 0, len(m.subject)+len(m.header)+len(m.data)+16), cmdPublish)
	cmd = appendBytes(cmd, m.subject)
	cmd = appendBytes(cmd, m.header)
	cmd = appendBytes(cmd, m.data)
	if !s.g.proposer.enqueue(s.g, reply, cmd) {
		s.g.b.refuse(reply, "too many publishes wait")
		return
	}
	s.took(m.subject, &wish)
}

// refusal says why a message can never be stored, whatever the log holds. Nothing that the log decides is refused here:
// around an election this node may be a leader no more, and another may have taken the message.
func (s *streamState) refusal(m *message, w *expect.Wish) *apiError {
	if !subject.Valid(m.subject) {
		return &apiError{400, 10003, "a message cannot be stored under " + strconv.Quote(string(m.subject)) + ", which is no literal subject"}
	}
	_, rollup := w.Scope()
	switch {
	case len(m.header) > maxHeaderBytes:
		return &apiError{400, 10097, "header size exceeds maximum allowed of 64k"}
	case w.Stream != nil && string(w.Stream) != s.name():
		return &apiError{400, 10060, "expected stream does not match"}
	case w.Foreign != nil:
		return &apiError{400, 10052, "header " + string(w.Foreign) + " is not served by this broker yet"}
	case bytes.HasSuffix(m.reply, []byte(fastBatchSuffix)):
		return &apiError{400, 10052, "a fast batch is not served by this broker yet"}
	case w.Subject != nil && !w.HasSubject:
		return &apiError{400, 10193, "missing sequence for expected last sequence per subject"}
	case w.Subject != nil && !subject.ValidFilter(w.Subject):
		return &apiError{400, 10193, "expected last sequence of " + strconv.Quote(string(w.Subject)) + ", which is no subject"}
	case !rollup:
		return &apiError{500, 10111, "rollup value invalid: " + strconv.Quote(string(w.Rollup))}
	}
	return nil
}
