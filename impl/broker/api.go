package broker

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/stream"
)

// Subjects and response types of the JetStream API (nats-server server/jetstream_api.go).
const (
	apiInfo         = "$JS.API.INFO"
	apiStreamCreate = "$JS.API.STREAM.CREATE."
	apiStreamDelete = "$JS.API.STREAM.DELETE."
	apiStreamInfo   = "$JS.API.STREAM.INFO."
	apiStreamNames  = "$JS.API.STREAM.NAMES"
	apiMsgGet       = "$JS.API.STREAM.MSG.GET."

	typePrefix       = "io.nats.jetstream.api.v1."
	typeStreamCreate = typePrefix + "stream_create_response"
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
func lastToken(subject []byte) string {
	s := string(subject)
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
	s.g.readWhenLeading(string(m.reply), func(reply string) {
		names := []string{}
		for _, a := range s.streams {
			names = append(names, a.Config.Name)
		}
		s.g.b.reply(reply, marshal(struct {
			Type    string   `json:"type"`
			Total   int      `json:"total"`
			Offset  int      `json:"offset"`
			Limit   int      `json:"limit"`
			Streams []string `json:"streams"`
		}{typeStreamNames, len(names), 0, max(len(names), 1024), names}))
	})
}

func (s *metaState) accountInfo(m *message) {
	s.g.readWhenLeading(string(m.reply), func(reply string) {
		s.g.b.reply(reply, marshal(struct {
			Type      string         `json:"type"`
			Memory    uint64         `json:"memory"`
			Storage   uint64         `json:"storage"`
			Streams   int            `json:"streams"`
			Consumers int            `json:"consumers"`
			Limits    map[string]int `json:"limits"`
			API       map[string]int `json:"api"`
		}{
			typeAccountInfo, 0, 0, len(s.streams), 0,
			map[string]int{"max_memory": -1, "max_storage": -1, "max_streams": -1, "max_consumers": -1},
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
	s.g.readWhenLeading(string(m.reply), func(reply string) { s.g.b.reply(reply, s.infoJSON(typeStreamInfo)) })
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
		info.State.FirstTime, info.State.LastTime = stamp(s.a.Created), stamp(s.lastTime)
	}
	for _, p := range s.g.peers {
		if p != b.cfg.Node {
			info.Cluster.Replicas = append(info.Cluster.Replicas, peerInfo{Name: nodeName(p), Current: b.peer(p).up[machine.RaftLink]})
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
	if err := json.Unmarshal(m.data, &req); err != nil || req.NextFor != "" || (req.Seq == 0) == (req.LastFor == "") {
		s.g.b.reply(string(m.reply), errBadRequest.typed(typeMsgGet))
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

// lastOf is the newest sequence of a subject, or of the whole stream for ">".
func (s *streamState) lastOf(filter string) (seq uint64, ok bool) {
	if filter == ">" {
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
