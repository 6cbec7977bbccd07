package broker

import (
	"encoding/json"
	"strconv"
	"strings"
)

// STREAM.LIST describes streams that other nodes lead: the meta leader asks each stream's leader, and answers when it has
// heard of all, or has waited long enough (nats-server jsClusteredStreamListRequest).

const (
	// listedPrefix is where a stream's leader is asked for its description by another node, listReplyPrefix where the
	// answers go.
	listedPrefix    = "$BL.LISTED."
	listReplyPrefix = "$BL.LIST."

	listLimit = 256 // streams in an answer
	listTicks = 40  // that the answer waits for all
	maxLists  = 64  // under way at a time
)

// list is a STREAM.LIST under way.
type list struct {
	number  uint64
	reply   string
	total   int
	offset  int
	names   []string
	infos   []json.RawMessage // by name; nil until heard of
	missing int
	ticks   int
}

func (s *metaState) listRequest(m *message) {
	var req listRequest
	why := parseRequest(m.data, &req)
	if why == nil && len(s.lists) >= maxLists {
		why = errUnavailable
	}
	if why != nil {
		s.g.b.reply(string(m.reply), why.typed(typeStreamList))
		return
	}
	s.g.readWhenLeading(string(m.reply), func(reply string) { s.beginList(reply, req) })
}

func (s *metaState) beginList(reply string, req listRequest) {
	names := s.named(req.Subject)
	l := &list{reply: reply, total: len(names)}
	names, l.offset = page(names, req.Offset, listLimit)
	l.names, l.missing, l.infos = names, len(names), make([]json.RawMessage, len(names))
	s.listed++
	l.number = s.listed
	s.lists = append(s.lists, l)
	for i, name := range names {
		s.g.b.request(listedPrefix+name, s.listReply()+strconv.FormatUint(l.number, 10)+"."+strconv.Itoa(i), nil)
	}
	s.finishLists()
}

// listReply begins the subjects that this node hears descriptions on.
func (s *metaState) listReply() string {
	return listReplyPrefix + strconv.FormatUint(s.g.b.bootID, 16) + "."
}

// described takes one stream's description.
func (s *metaState) described(m *message) {
	number, i, _ := strings.Cut(strings.TrimPrefix(string(m.subject), s.listReply()), ".")
	at, err := strconv.Atoi(i)
	for _, l := range s.lists {
		if err == nil && strconv.FormatUint(l.number, 10) == number && at < len(l.infos) && l.infos[at] == nil && describes(m.data) {
			l.infos[at] = append(json.RawMessage(nil), m.data...)
			l.missing--
		}
	}
	s.finishLists()
}

// describes says whether an answer is a description: one that does not lead any more refuses.
func describes(data []byte) bool {
	var answer struct{ Error *apiError }
	return json.Unmarshal(data, &answer) == nil && answer.Error == nil
}

// finishLists answers those that are complete, or have waited long enough.
func (s *metaState) finishLists() {
	keep := s.lists[:0]
	for _, l := range s.lists {
		if l.missing > 0 && l.ticks < listTicks {
			keep = append(keep, l)
			continue
		}
		s.g.b.reply(l.reply, l.json())
	}
	clear(s.lists[len(keep):])
	s.lists = keep
}

func (l *list) json() []byte {
	answer := struct {
		Type    string            `json:"type"`
		Total   int               `json:"total"`
		Offset  int               `json:"offset"`
		Limit   int               `json:"limit"`
		Streams []json.RawMessage `json:"streams"`
		Missing []string          `json:"missing,omitempty"`
	}{Type: typeStreamList, Total: l.total, Offset: l.offset, Limit: listLimit, Streams: []json.RawMessage{}}
	for i, info := range l.infos {
		if info == nil {
			answer.Missing = append(answer.Missing, l.names[i])
		} else {
			answer.Streams = append(answer.Streams, info)
		}
	}
	return marshal(answer)
}

// listed answers another node's question with the stream's description.
func (s *streamState) listed(m *message) {
	s.g.readWhenLeading(string(m.reply), func(reply string) { s.g.b.reply(reply, s.infoJSON("", infoRequest{})) })
}

// named lists the streams that take in some of subject's messages; "" names all.
func (s *metaState) named(subject string) []string {
	names := []string{}
	for _, a := range s.streams {
		if subject == "" || overlap(a.Config.Subjects, []string{subject}) {
			names = append(names, a.Config.Name)
		}
	}
	return names
}

// page cuts the part of names that begins at offset out.
func page(names []string, offset, limit int) ([]string, int) {
	offset = min(max(offset, 0), len(names))
	return names[offset:min(offset+limit, len(names))], offset
}

func (s *metaState) namesRequest(m *message) {
	var req listRequest
	if why := parseRequest(m.data, &req); why != nil {
		s.g.b.reply(string(m.reply), why.typed(typeStreamNames))
		return
	}
	s.g.readWhenLeading(string(m.reply), func(reply string) {
		all := s.named(req.Subject)
		names, offset := page(all, req.Offset, namesLimit)
		s.g.b.reply(reply, marshal(struct {
			Type    string   `json:"type"`
			Total   int      `json:"total"`
			Offset  int      `json:"offset"`
			Limit   int      `json:"limit"`
			Streams []string `json:"streams"`
		}{typeStreamNames, len(all), offset, namesLimit, names}))
	})
}

// listRequest is what STREAM.NAMES and .LIST ask for: the streams from Offset on that take in some of Subject's messages.
type listRequest struct {
	Offset  int    `json:"offset"`
	Subject string `json:"subject"`
}

// namesLimit is how many names an answer holds.
const namesLimit = 1024
