package client

import (
	"encoding/json"
	"strconv"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/consumer"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/subject"
)

// Subjects of the JetStream API (nats-server server/jetstream_api.go).
const (
	apiCreate         = "$JS.API.STREAM.CREATE."
	apiUpdate         = "$JS.API.STREAM.UPDATE."
	apiDelete         = "$JS.API.STREAM.DELETE."
	apiPurge          = "$JS.API.STREAM.PURGE."
	apiRemove         = "$JS.API.STREAM.MSG.DELETE."
	apiGet            = "$JS.API.STREAM.MSG.GET."
	apiDirectGet      = "$JS.API.DIRECT.GET."
	apiConsumerCreate = "$JS.API.CONSUMER.CREATE."
	apiConsumerDelete = "$JS.API.CONSUMER.DELETE."
	apiConsumerInfo   = "$JS.API.CONSUMER.INFO."
)

// unfit says why an operation cannot be sent, if it cannot.
func unfit(op *load.Op) string {
	switch op.Verb {
	case history.Publish, history.Read, history.Last, history.NextOf, history.Create, history.Update, history.Delete,
		history.Remove, history.Purge, history.Send, history.Request, history.Flush,
		history.DeleteConsumer, history.ConsumerInfo, history.Fetch:
		return ""
	case history.Subscribe:
		if !subject.ValidFilter(op.Subject) {
			return "not sent: a subscription to " + strconv.Quote(op.Subject)
		}
		return ""
	case history.CreateConsumer:
		if op.ConsumerConfig == nil {
			return "not sent: a consumer without a configuration"
		}
		return ""
	case history.Ack, history.Nak, history.Term, history.Progress, history.Answer:
		if op.Delivery == nil || op.Delivery.Reply == "" {
			return "not sent: " + string(op.Verb) + " of a message that wants none"
		}
		return ""
	}
	return "a NATS client cannot " + string(op.Verb)
}

// settles says whether a verb answers a consumer's delivery.
func settles(v history.Verb) bool {
	return v == history.Ack || v == history.Nak || v == history.Term || v == history.Progress
}

// silent says that nobody will ever answer op.
func silent(op *load.Op) bool { return settles(op.Verb) && !op.Confirm }

// appendRequest appends operation num as a request that is answered to its own inbox.
func (c *Client) appendRequest(dst []byte, num uint64, op *load.Op) []byte {
	var room [64]byte
	reply := strconv.AppendUint(append(room[:0], c.inbox...), num, 10)
	pub := func(subject string, body []byte) []byte { return wire.AppendPub(dst, subject, reply, body) }
	switch op.Verb {
	case history.Publish:
		return c.appendPublish(dst, reply, op)
	case history.Request:
		return pub(op.Subject, c.payload(op))
	case history.Read, history.Last, history.NextOf:
		if op.Direct {
			return pub(apiDirectGet+op.Stream, c.getRequest(op))
		}
		return pub(apiGet+op.Stream, c.getRequest(op))
	case history.Ack, history.Nak, history.Term, history.Progress:
		if !op.Confirm {
			reply = nil
		}
		return pub(op.Delivery.Reply, c.settlement(op))
	case history.Create:
		return pub(apiCreate+op.Stream, encode(create(op)))
	case history.Update:
		return pub(apiUpdate+op.Stream, encode(create(op)))
	case history.Delete:
		return pub(apiDelete+op.Stream, nil)
	case history.Remove:
		return pub(apiRemove+op.Stream, append(strconv.AppendUint([]byte(`{"seq":`), op.Seq, 10), `,"no_erase":true}`...))
	case history.Purge:
		return pub(apiPurge+op.Stream, encode(purgeRequest{op.Seq, op.Subject, op.Keep}))
	case history.CreateConsumer:
		return pub(apiConsumerCreate+op.Stream+"."+op.Consumer, encode(createConsumerRequest{op.Stream, op.ConsumerConfig, "create"}))
	case history.DeleteConsumer:
		return pub(apiConsumerDelete+op.Stream+"."+op.Consumer, nil)
	case history.ConsumerInfo:
		return pub(apiConsumerInfo+op.Stream+"."+op.Consumer, nil)
	}
	machine.Broken("request of unknown verb %q", op.Verb)
	return nil
}

// appendSend appends what a PONG completes.
func (c *Client) appendSend(dst []byte, op *load.Op) []byte {
	switch op.Verb {
	case history.Send:
		return wire.AppendPub(dst, op.Subject, "", c.payload(op))
	case history.Answer:
		return wire.AppendPub(dst, op.Delivery.Reply, "", c.payload(op))
	}
	return dst // a Flush is its PING
}

func (c *Client) appendPublish(dst, reply []byte, op *load.Op) []byte {
	var fields []string
	if op.ID != "" {
		fields = append(fields, "Nats-Msg-Id", op.ID)
	}
	if op.Expect > 0 {
		fields = append(fields, "Nats-Expected-Last-Sequence", strconv.FormatUint(op.Expect-1, 10))
	}
	if op.ExpectSubject > 0 {
		fields = append(fields, "Nats-Expected-Last-Subject-Sequence", strconv.FormatUint(op.ExpectSubject-1, 10))
	}
	if op.Rollup != "" {
		fields = append(fields, "Nats-Rollup", op.Rollup)
	}
	if fields == nil {
		return wire.AppendPub(dst, op.Subject, reply, c.payload(op))
	}
	return wire.AppendHPub(dst, op.Subject, reply, wire.AppendHeader(nil, fields...), c.payload(op))
}

// settlement is what an ack says (nats-server server/consumer.go AckAck, AckNak, AckTerm, AckProgress). Like payload
// it is good until the next is asked for.
func (c *Client) settlement(op *load.Op) []byte {
	p := c.scratch[:0]
	switch op.Verb {
	case history.Nak:
		p = append(p, "-NAK"...)
		if op.Delay > 0 {
			p = append(strconv.AppendInt(append(p, ` {"delay":`...), op.Delay, 10), '}')
		}
	case history.Term:
		p = append(p, "+TERM"...)
	case history.Progress:
		p = append(p, "+WPI"...)
	default:
		p = append(p, "+ACK"...)
	}
	c.scratch = p
	return p
}

func (c *Client) getRequest(op *load.Op) []byte {
	filter := op.Subject
	if filter == "" {
		filter = ">"
	}
	switch op.Verb {
	case history.Last:
		return encode(lastRequest{filter})
	case history.NextOf:
		return encode(nextRequest{op.Seq, filter})
	}
	c.scratch = append(strconv.AppendUint(append(c.scratch[:0], `{"seq":`...), op.Seq, 10), '}')
	return c.scratch
}

type lastRequest struct {
	LastFor string `json:"last_by_subj"`
}

type nextRequest struct {
	Seq     uint64 `json:"seq,omitempty"`
	NextFor string `json:"next_by_subj"`
}

type purgeRequest struct {
	Seq    uint64 `json:"seq,omitempty"`
	Filter string `json:"filter,omitempty"`
	Keep   uint64 `json:"keep,omitempty"`
}

type createConsumerRequest struct {
	Stream string           `json:"stream_name"`
	Config *consumer.Config `json:"config"`
	Action string           `json:"action"`
}

type createRequest struct {
	Name      string   `json:"name"`
	Subjects  []string `json:"subjects,omitempty"`
	Retention string   `json:"retention"`
	Discard   string   `json:"discard"`
	Storage   string   `json:"storage"`
	Replicas  int      `json:"num_replicas"`
}

// create is the configuration that op asks for.
func create(op *load.Op) any {
	if op.Config != nil {
		cfg := *op.Config
		cfg.Name = op.Stream
		return cfg
	}
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

// payload is the value, padded with spaces. It is good until the next is asked for.
func (c *Client) payload(op *load.Op) []byte {
	p := append(c.scratch[:0], op.Value...)
	for len(p) < op.Size {
		p = append(p, padding[:min(len(padding), op.Size-len(p))]...)
	}
	c.scratch = p
	return p
}

const padding = "                                                                "
