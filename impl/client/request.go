package client

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

const (
	apiCreate = "$JS.API.STREAM.CREATE."
	apiDelete = "$JS.API.STREAM.DELETE."
	apiGet    = "$JS.API.STREAM.MSG.GET."

	headerExpected = "Nats-Expected-Last-Sequence"
)

func known(v history.Verb) bool {
	switch v {
	case history.Publish, history.Read, history.Last, history.Create, history.Delete:
		return true
	}
	return false
}

// appendRequest appends operation num as a request that is answered to its own inbox.
func appendRequest(dst []byte, inbox string, num uint64, op *load.Op) []byte {
	reply := inbox + strconv.FormatUint(num, 10)
	switch op.Verb {
	case history.Publish:
		if op.Expect > 0 {
			header := wire.AppendHeader(nil, headerExpected, strconv.FormatUint(op.Expect-1, 10))
			return wire.AppendHPub(dst, op.Subject, reply, header, payload(op))
		}
		return wire.AppendPub(dst, op.Subject, reply, payload(op))
	case history.Read:
		return wire.AppendPub(dst, apiGet+op.Stream, reply, append(strconv.AppendUint([]byte(`{"seq":`), op.Seq, 10), '}'))
	case history.Last:
		subject := op.Subject
		if subject == "" {
			subject = ">"
		}
		return wire.AppendPub(dst, apiGet+op.Stream, reply, encode(lastRequest{subject}))
	case history.Create:
		return wire.AppendPub(dst, apiCreate+op.Stream, reply, encode(create(op)))
	case history.Delete:
		return wire.AppendPub(dst, apiDelete+op.Stream, reply, nil)
	}
	machine.Broken("request of unknown verb %q", op.Verb)
	return nil
}

type lastRequest struct {
	LastFor string `json:"last_by_subj"`
}

type createRequest struct {
	Name      string   `json:"name"`
	Subjects  []string `json:"subjects,omitempty"`
	Retention string   `json:"retention"`
	Discard   string   `json:"discard"`
	Storage   string   `json:"storage"`
	Replicas  int      `json:"num_replicas"`
}

func create(op *load.Op) createRequest {
	r := createRequest{Name: op.Stream, Retention: "limits", Discard: "old", Storage: "file", Replicas: max(op.Replicas, 1)}
	if op.Subject != "" {
		r.Subjects = []string{op.Subject}
	}
	return r
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		machine.Broken("request: %v", err)
	}
	return text
}

// payload is the value, padded with spaces.
func payload(op *load.Op) []byte {
	return append([]byte(op.Value), bytes.Repeat([]byte{' '}, max(op.Size-len(op.Value), 0))...)
}

// parseNumber reads the operation's number at the end of a reply subject.
func parseNumber(subject []byte, from int) (uint64, bool) {
	if len(subject) <= from {
		return 0, false
	}
	n, err := strconv.ParseUint(string(subject[from:]), 10, 64)
	return n, err == nil
}
