package broker

import (
	"encoding/binary"
	"strconv"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/subject"
)

var (
	errSealed   = &apiError{400, 10109, "invalid operation on sealed stream"}
	errTooLarge = &apiError{400, 10054, "message size exceeds maximum allowed"}
)

// purgeRequest takes a purge into the log.
func (s *streamState) purgeRequest(m *message) {
	var req struct {
		Filter string `json:"filter"`
		Seq    uint64 `json:"seq"`
		Keep   uint64 `json:"keep"`
	}
	why := parseRequest(m.data, &req)
	if why == nil && (req.Seq > 0 && req.Keep > 0 || req.Filter != "" && !subject.ValidFilter(req.Filter)) {
		why = errBadRequest
	}
	if why != nil {
		s.g.b.reply(string(m.reply), why.typed(typeStreamPurge))
		return
	}
	cmd := appendBytes([]byte{cmdPurge}, []byte(req.Filter))
	s.propose(binary.AppendUvarint(binary.AppendUvarint(cmd, req.Seq), req.Keep), string(m.reply))
}

// propose takes a command into the log; reply is answered when it is applied.
func (s *streamState) propose(cmd []byte, reply string) bool {
	if s.g.proposer.enqueue(s.g, reply, cmd) {
		return true
	}
	s.g.b.refuse(reply, "too many requests wait")
	return false
}

func (s *streamState) applyPurge(entry uint64, filter string, seq, keep uint64, reply string) {
	var why *apiError
	switch {
	case s.cfg.Sealed:
		why = errSealed
	case s.cfg.DenyPurge:
		why = &apiError{500, 10110, "stream purge not permitted"}
	}
	if why != nil {
		s.g.b.reply(reply, why.typed(typeStreamPurge))
		return
	}
	if s.g.b.bug(BugPurgeOneMore) {
		seq, keep = seq+min(seq, 1), keep-min(keep, 1)
	}
	purged := s.purge(entry, filter, seq, keep, machine.RulePurge)
	s.g.b.reply(reply, []byte(`{"type":"`+typeStreamPurge+`","success":true,"purged":`+strconv.FormatUint(purged, 10)+`}`))
}

// purge removes the messages that filter names ("": all) and that lie below seq (0: all), but keep of the newest, and
// says how many went. Below a sequence that has not been given yet lies also what is to come: the next
// message gets that sequence (nats-server filestore.go PurgeEx, compact).
func (s *streamState) purge(entry uint64, filter string, seq, keep uint64, rule string) (purged uint64) {
	var filters []string
	if filter != "" && filter != ">" {
		filters = []string{filter}
	}
	if filters == nil && keep == 0 && !s.g.b.cfg.Observe && s.consumers.count() == 0 {
		return s.cut(seq) // nobody has to be told of each
	}
	left := s.g.store.CountMatch(0, filters)
	left -= min(keep, left)
	next := uint64(0)
	for left > 0 {
		at, ok := s.g.store.NextMatch(next, filters)
		if !ok || seq > 0 && at >= seq {
			break
		}
		s.remove(entry, at, rule)
		purged++
		left--
		next = at + 1
	}
	if filters == nil && seq > s.Last()+1 {
		s.g.store.Skip(seq - 1)
	}
	return purged
}

// cut removes everything below seq (0: all).
func (s *streamState) cut(seq uint64) (purged uint64) {
	if seq == 0 {
		seq = s.Last() + 1
	}
	_, _, before, _ := s.g.store.State()
	s.g.store.Compact(seq)
	_, _, after, _ := s.g.store.State()
	return before - after
}

// deleteRequest takes the removal of one message into the log.
func (s *streamState) deleteRequest(m *message) {
	var req struct {
		Seq     uint64 `json:"seq"`
		NoErase bool   `json:"no_erase"` // nothing is overwritten either way
	}
	why := parseRequest(m.data, &req)
	if why == nil && emptyRequest(m.data) {
		why = errBadRequest
	}
	if why != nil {
		s.g.b.reply(string(m.reply), why.typed(typeMsgDelete))
		return
	}
	s.propose(binary.AppendUvarint([]byte{cmdDelete}, req.Seq), string(m.reply))
}

func (s *streamState) applyDelete(entry, seq uint64, reply string) {
	var why *apiError
	switch {
	case s.cfg.Sealed:
		why = errSealed
	case s.cfg.DenyDelete:
		why = &apiError{500, 10057, "message delete not permitted"}
	case seq > s.Last():
		why = &apiError{500, 10057, "stream store EOF"}
	case !s.remove(entry, seq, machine.RuleDelete):
		why = &apiError{400, 10043, "sequence " + strconv.FormatUint(seq, 10) + " not found"}
	}
	if why != nil {
		s.g.b.reply(reply, why.typed(typeMsgDelete))
		return
	}
	s.g.b.reply(reply, []byte(`{"type":"`+typeMsgDelete+`","success":true}`))
}
