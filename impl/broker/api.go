package broker

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/stream"
	"github.com/brokerlab/brokerlab/model/subject"
)

// Subjects and response types of the JetStream API (nats-server server/jetstream_api.go).
const (
	apiInfo         = "$JS.API.INFO"
	apiStreamCreate = "$JS.API.STREAM.CREATE."
	apiStreamUpdate = "$JS.API.STREAM.UPDATE."
	apiStreamDelete = "$JS.API.STREAM.DELETE."
	apiStreamInfo   = "$JS.API.STREAM.INFO."
	apiStreamNames  = "$JS.API.STREAM.NAMES"
	apiMsgGet       = "$JS.API.STREAM.MSG.GET."

	typePrefix       = "io.nats.jetstream.api.v1."
	typeStreamCreate = typePrefix + "stream_create_response"
	typeStreamUpdate = typePrefix + "stream_update_response"
	typeStreamDelete = typePrefix + "stream_delete_response"
	typeStreamInfo   = typePrefix + "stream_info_response"
	typeStreamNames  = typePrefix + "stream_names_response"
	typeMsgGet       = typePrefix + "stream_msg_get_response"
	typeAccountInfo  = typePrefix + "account_info_response"
)

// apiError is an error of the API: HTTP-like code, NATS error code (server/errors.json) and text.
type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

var (
	errStreamNotFound  = &apiError{404, 10059, "stream not found"}
	errMessageNotFound = &apiError{404, 10037, "no message found"}
	errUnavailable     = &apiError{503, 10008, "JetStream system temporarily unavailable"}
	errBadRequest      = &apiError{400, 10003, "bad request"}
)

// json is the error as a publish acknowledgement.
func (e *apiError) json(streamName string) []byte {
	return marshal(struct {
		Error  *apiError `json:"error"`
		Stream string    `json:"stream"`
		Seq    uint64    `json:"seq"`
	}{e, streamName, 0})
}

// typed is the error as the answer to an API request.
func (e *apiError) typed(kind string) []byte {
	return marshal(struct {
		Type  string    `json:"type"`
		Error *apiError `json:"error"`
	}{kind, e})
}

func marshal(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		machine.Broken("answer: %v", err)
	}
	return text
}

// refuse answers that this node did not carry out a request, and never will. Of a publish that says
// nothing final: around an election two nodes may have taken it, and the other one may store it, which
// is why clients take error 10008 for "unknown".
func (b *Broker) refuse(reply, why string) {
	b.observe(machine.Observation{Kind: machine.Dropped, N: 1, Why: "refused: " + why})
	if reply != "" {
		b.reply(reply, errUnavailable.json(""))
	}
}

// lastToken is the last token of an API subject: the stream's name.
func lastToken(of []byte) string {
	s := string(of)
	return s[strings.LastIndexByte(s, '.')+1:]
}

func (s *metaState) createRequest(m *message) {
	name, reply := lastToken(m.subject), string(m.reply)
	cfg, err := stream.Parse(m.data)
	if err != nil {
		s.g.b.reply(reply, (&apiError{400, 10025, "invalid JSON: " + err.Error()}).typed(typeStreamCreate))
		return
	}
	cfg = cfg.Defaults()
	if cfg.Name != name {
		s.g.b.reply(reply, (&apiError{400, 10056, "stream name in subject does not match request"}).typed(typeStreamCreate))
		return
	}
	if err := cfg.Validate(len(s.g.b.cfg.Nodes)); err != nil {
		s.g.b.reply(reply, (&apiError{500, 10052, err.Error()}).typed(typeStreamCreate))
		return
	}
	s.propose(metaCommand{Create: &cfg, Reply: reply})
}

func (s *metaState) deleteRequest(m *message) {
	s.propose(metaCommand{Delete: lastToken(m.subject), Reply: string(m.reply)})
}

func (s *metaState) propose(c metaCommand) {
	if !s.g.proposer.enqueue(s.g, c.Reply, appendBytes(nil, marshal(c))) {
		s.g.b.refuse(c.Reply, "too many requests wait")
	}
}

func (s *metaState) namesRequest(m *message) {
	var req listRequest
	if why := parseRequest(m.data, &req); why != nil {
		s.g.b.reply(string(m.reply), why.typed(typeStreamNames))
		return
	}
	s.g.readWhenLeading(string(m.reply), func(reply string) {
		names := []string{}
		for _, a := range s.streams {
			if req.Subject == "" || overlap(a.Config.Subjects, []string{req.Subject}) {
				names = append(names, a.Config.Name)
			}
		}
		total, offset := len(names), min(max(req.Offset, 0), len(names))
		names = names[offset:min(offset+namesLimit, total)]
		s.g.b.reply(reply, marshal(struct {
			Type    string   `json:"type"`
			Total   int      `json:"total"`
			Offset  int      `json:"offset"`
			Limit   int      `json:"limit"`
			Streams []string `json:"streams"`
		}{typeStreamNames, total, offset, namesLimit, names}))
	})
}

// accountLimits are all limits that clients may insist on; -1 is none.
type accountLimits struct {
	MaxMemory        int64 `json:"max_memory"`
	MaxStorage       int64 `json:"max_storage"`
	MaxStreams       int   `json:"max_streams"`
	MaxConsumers     int   `json:"max_consumers"`
	MaxAckPending    int   `json:"max_ack_pending"`
	MaxMemoryStream  int64 `json:"memory_max_stream_bytes"`
	MaxStorageStream int64 `json:"storage_max_stream_bytes"`
	MaxBytesRequired bool  `json:"max_bytes_required"`
}

func (s *metaState) accountInfo(m *message) {
	s.g.readWhenLeading(string(m.reply), func(reply string) {
		s.g.b.reply(reply, marshal(struct {
			Type      string         `json:"type"`
			Memory    uint64         `json:"memory"`
			Storage   uint64         `json:"storage"`
			Streams   int            `json:"streams"`
			Consumers int            `json:"consumers"`
			Limits    accountLimits  `json:"limits"`
			API       map[string]int `json:"api"`
		}{
			typeAccountInfo, 0, 0, len(s.streams), 0,
			accountLimits{-1, -1, -1, -1, -1, -1, -1, false},
			map[string]int{"level": 0, "total": 0, "errors": 0},
		}))
	})
}

// ifMissing answers requests about streams that do not exist. About one that does, its leader
// answers; if it has none, nobody does.
func (s *metaState) ifMissing(kind string) func(*message) {
	return func(m *message) {
		name := lastToken(m.subject)
		if _, a := s.find(name); a != nil {
			return
		}
		s.g.readWhenLeading(string(m.reply), func(reply string) {
			if _, a := s.find(name); a == nil {
				s.g.b.reply(reply, errStreamNotFound.typed(kind))
			}
		})
	}
}

func (s *streamState) info(m *message) {
	var req struct {
		SubjectsFilter string `json:"subjects_filter"`
	}
	why := parseRequest(m.data, &req)
	if why == nil && req.SubjectsFilter != "" {
		why = notServed("subjects_filter")
	}
	if why != nil {
		s.g.b.reply(string(m.reply), why.typed(typeStreamInfo))
		return
	}
	s.g.readWhenLeading(string(m.reply), func(reply string) { s.answerInfo(reply, typeStreamInfo) })
}

// answerInfo describes the stream. When its first message was stored is known only from the message,
// so the first to ask after a start may wait for the disk.
func (s *streamState) answerInfo(reply, kind string) {
	b := s.g.b
	first, _, count, _ := s.g.store.State()
	if count == 0 || s.firstTime != 0 {
		b.reply(reply, s.infoJSON(kind))
		return
	}
	answer := func(m *store.Message) {
		if m == nil {
			b.reply(reply, errUnavailable.typed(kind))
			return
		}
		s.firstTime = m.Time
		b.reply(reply, s.infoJSON(kind))
	}
	switch m, token, found := s.g.store.Get(b.fx, first); {
	case !found:
		answer(nil)
	case token == 0:
		answer(&m)
	default:
		b.diskReads[token] = answer
	}
}

func (s *streamState) created(m *message) {
	s.g.readWhenLeading(string(m.reply), func(reply string) { s.g.b.reply(reply, s.infoJSON(typeStreamCreate)) })
}

type peerInfo struct {
	Name    string `json:"name"`
	Current bool   `json:"current"`
	Active  int64  `json:"active"`
}

type clusterInfo struct {
	Name     string     `json:"name"`
	Leader   string     `json:"leader"`
	Replicas []peerInfo `json:"replicas,omitempty"`
}

type streamInfo struct {
	Type    string        `json:"type"`
	Config  stream.Config `json:"config"`
	Created string        `json:"created"`
	State   streamCounts  `json:"state"`
	Cluster clusterInfo   `json:"cluster"`
	Stamp   string        `json:"ts"`
}

type streamCounts struct {
	Messages  uint64 `json:"messages"`
	Bytes     uint64 `json:"bytes"`
	FirstSeq  uint64 `json:"first_seq"`
	FirstTime string `json:"first_ts"`
	LastSeq   uint64 `json:"last_seq"`
	LastTime  string `json:"last_ts"`
	Consumers int    `json:"consumer_count"`
}

func (s *streamState) infoJSON(kind string) []byte {
	b := s.g.b
	first, last, count, bytes := s.g.store.State()
	zero := "0001-01-01T00:00:00Z"
	info := streamInfo{
		Type: kind, Config: s.a.Config, Created: stamp(s.a.Created), Stamp: stamp(int64(b.env.Wall)),
		State:   streamCounts{Messages: count, Bytes: bytes, FirstSeq: first, LastSeq: last, FirstTime: zero, LastTime: zero},
		Cluster: clusterInfo{Name: b.cfg.Cluster, Leader: b.cfg.Name},
	}
	if count > 0 {
		info.State.FirstTime, info.State.LastTime = stamp(s.firstTime), stamp(s.lastTime)
	}
	for _, p := range s.g.peers {
		if other := b.peer(p); other != nil {
			info.Cluster.Replicas = append(info.Cluster.Replicas, peerInfo{Name: nodeName(p), Current: other.up[machine.RaftLink]})
		}
	}
	b.fx.Charge(machine.WorkAPI, 1, 0, 0)
	return marshal(info)
}

type getRequest struct {
	Seq     uint64 `json:"seq"`
	LastFor string `json:"last_by_subj"`
	NextFor string `json:"next_by_subj"`
}

// getMessage answers with one message, by sequence or the newest of a subject. The leader
// answers, once it knows that it leads.
func (s *streamState) getMessage(m *message) {
	var req getRequest
	why := parseRequest(m.data, &req)
	switch {
	case why != nil:
	case req.NextFor != "":
		why = notServed("next_by_subj")
	case (req.Seq == 0) == (req.LastFor == ""):
		why = errBadRequest
	case req.LastFor != "" && !subject.IsLiteral(req.LastFor) && !s.holds(req.LastFor):
		why = notServed("last_by_subj with wildcards")
	}
	if why != nil {
		s.g.b.reply(string(m.reply), why.typed(typeMsgGet))
		return
	}
	s.g.readWhenLeading(string(m.reply), func(reply string) { s.answerGet(reply, req) })
}

func (s *streamState) answerGet(reply string, req getRequest) {
	b := s.g.b
	b.fx.Charge(machine.WorkAPI, 1, 0, 0)
	seq := req.Seq
	if req.LastFor != "" {
		last, ok := s.lastOf(req.LastFor)
		if !ok {
			b.reply(reply, errMessageNotFound.typed(typeMsgGet))
			return
		}
		seq = last
	}
	msg, token, found := s.g.store.Get(b.fx, seq)
	switch {
	case !found:
		b.reply(reply, errMessageNotFound.typed(typeMsgGet))
	case token == 0:
		b.reply(reply, messageJSON(&msg))
	default:
		s.g.note(NoteDiskRead)
		b.diskReads[token] = func(msg *store.Message) {
			if msg == nil {
				b.reply(reply, errUnavailable.typed(typeMsgGet))
				return
			}
			b.reply(reply, messageJSON(msg))
		}
	}
}

// holds says whether filter names everything that the stream can hold.
func (s *streamState) holds(filter string) bool {
	for _, own := range s.a.Config.Subjects {
		if !subject.Subset(own, filter) {
			return false
		}
	}
	return true
}

// lastOf is the newest sequence of a subject, or of the whole stream.
func (s *streamState) lastOf(filter string) (seq uint64, ok bool) {
	if s.holds(filter) {
		_, last, count, _ := s.g.store.State()
		return last, count > 0
	}
	return s.g.store.LastOf(filter)
}

type storedMessage struct {
	Subject string `json:"subject"`
	Seq     uint64 `json:"seq"`
	Header  string `json:"hdrs,omitempty"`
	Data    string `json:"data,omitempty"`
	Time    string `json:"time"`
}

func messageJSON(m *store.Message) []byte {
	return marshal(struct {
		Type    string        `json:"type"`
		Message storedMessage `json:"message"`
	}{typeMsgGet, storedMessage{
		Subject: m.Subject, Seq: m.Seq, Time: stamp(m.Time),
		Header: base64.StdEncoding.EncodeToString(m.Header), Data: base64.StdEncoding.EncodeToString(m.Data),
	}})
}
