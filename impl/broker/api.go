package broker

import (
	"encoding/json"
	"strings"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Subjects and response types of the JetStream API (nats-server server/jetstream_api.go).
const (
	apiInfo         = "$JS.API.INFO"
	apiStreamCreate = "$JS.API.STREAM.CREATE."
	apiStreamUpdate = "$JS.API.STREAM.UPDATE."
	apiStreamDelete = "$JS.API.STREAM.DELETE."
	apiStreamInfo   = "$JS.API.STREAM.INFO."
	apiStreamNames  = "$JS.API.STREAM.NAMES"
	apiStreamList   = "$JS.API.STREAM.LIST"
	apiStreamPurge  = "$JS.API.STREAM.PURGE."
	apiMsgGet       = "$JS.API.STREAM.MSG.GET."
	apiMsgDelete    = "$JS.API.STREAM.MSG.DELETE."
	apiDirectGet    = "$JS.API.DIRECT.GET."

	apiStreamStepDown = "$JS.API.STREAM.LEADER.STEPDOWN."
	apiMetaStepDown   = "$JS.API.META.LEADER.STEPDOWN"

	typePrefix       = "io.nats.jetstream.api.v1."
	typeStreamCreate = typePrefix + "stream_create_response"
	typeStreamUpdate = typePrefix + "stream_update_response"
	typeStreamDelete = typePrefix + "stream_delete_response"
	typeStreamInfo   = typePrefix + "stream_info_response"
	typeStreamNames  = typePrefix + "stream_names_response"
	typeStreamList   = typePrefix + "stream_list_response"
	typeStreamPurge  = typePrefix + "stream_purge_response"
	typeMsgGet       = typePrefix + "stream_msg_get_response"
	typeMsgDelete    = typePrefix + "stream_msg_delete_response"

	typeStreamStepDown = typePrefix + "stream_leader_stepdown_response"
	typeMetaStepDown   = typePrefix + "meta_leader_stepdown_response"
	typeAccountInfo    = typePrefix + "account_info_response"
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

// typed is the error as the answer to an API request. Some answers have numbers even then.
func (e *apiError) typed(kind string) []byte {
	answer := struct {
		Type  string    `json:"type"`
		Error *apiError `json:"error"`
		*paging
		Purged *uint64 `json:"purged,omitempty"`
	}{Type: kind, Error: e}
	switch kind {
	case typeStreamInfo:
		answer.paging = &paging{}
	case typeStreamPurge:
		answer.Purged = new(uint64)
	}
	return marshal(answer)
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

func (s *metaState) deleteRequest(m *message) {
	if !emptyRequest(m.data) {
		s.g.b.reply(string(m.reply), (&apiError{400, 10038, "expected an empty request payload"}).typed(typeStreamDelete))
		return
	}
	s.propose(metaCommand{Delete: lastToken(m.subject), Reply: string(m.reply)})
}

func (s *metaState) propose(c metaCommand) {
	if !s.g.proposer.enqueue(s.g, c.Reply, appendBytes(nil, marshal(c))) {
		s.g.b.refuse(c.Reply, "too many requests wait")
	}
}

// ifMissing answers requests about streams that do not exist. About one that does, its leader
// answers; if it has none, nobody does.
func (s *metaState) ifMissing(kind string) func(*message) {
	return s.ifMissingNamed(errStreamNotFound.typed(kind), lastToken)
}

// ifMissingAfter is the same where the stream's name follows a prefix.
func (s *metaState) ifMissingAfter(prefix string, answer []byte) func(*message) {
	return s.ifMissingNamed(answer, func(of []byte) string {
		name, _, _ := strings.Cut(strings.TrimPrefix(string(of), prefix), ".")
		return name
	})
}

func (s *metaState) ifMissingNamed(answer []byte, nameOf func([]byte) string) func(*message) {
	return func(m *message) {
		name := nameOf(m.subject)
		if _, a := s.find(name); a != nil {
			return
		}
		s.g.readWhenLeading(string(m.reply), func(reply string) {
			if _, a := s.find(name); a == nil {
				s.g.b.reply(reply, answer)
			}
		})
	}
}
