package client

import (
	"bytes"
	"testing"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

// endless is a load that always wants the same, one at a time, and takes deliveries.
type endless struct {
	op        load.Op
	busy      bool
	ended     int
	delivered int
}

func (e *endless) Next(int64) (load.Op, bool, int64) {
	if e.busy {
		return load.Op{}, false, 0
	}
	e.busy = true
	return e.op, true, 0
}

func (e *endless) Done(_ int64, _ load.Op, out load.Outcome) {
	if out.Status == load.OK {
		e.ended++
	}
	e.busy = false
}

func (e *endless) Deliver(_ int64, d *load.Delivery) { e.delivered++ }

type noRecord struct{ n uint64 }

func (r *noRecord) Invoke(*load.Op) uint64                   { r.n++; return r.n }
func (r *noRecord) Complete(uint64, *load.Op, *load.Outcome) {}
func (r *noRecord) Deliver(*load.Delivery)                   {}
func (r *noRecord) Mark(history.Verb, machine.NodeID)        {}

// BenchmarkStep is what one operation costs the client, from the load's wish to its end: a step that takes the answer
// to the last and sends the next.
func BenchmarkStep(b *testing.B) {
	// An answer names the operation by its number, which is written over #########.
	ack := "$JS.ACK.ORDERS.C.1.#########.1.1767225600000000000.0"
	reply := func(text string) []byte {
		return wire.AppendMsg(nil, "_INBOX.c1.#########", "1", "", []byte(text))
	}
	for _, c := range []struct {
		name   string
		op     load.Op
		answer []byte
	}{
		{"publish", load.Op{Verb: history.Publish, Stream: "ORDERS", Subject: "ORDERS.c1", Value: "c1-17", Size: 128}, reply(`{"stream":"ORDERS","seq":12345}`)},
		{
			"read",
			load.Op{Verb: history.Read, Stream: "ORDERS", Seq: 7},
			reply(`{"type":"io.nats.jetstream.api.v1.stream_msg_get_response","message":{"subject":"ORDERS.c1","seq":7,` +
				`"data":"YzEtMTcgICAgICAgICAgICAg","time":"2026-01-01T00:00:00.000000001Z"}}`),
		},
		{"send", load.Op{Verb: history.Send, Subject: "tick.a", Value: "c1-17", Size: 128}, []byte(wire.PongLine)},
		{
			"fetch of one",
			load.Op{Verb: history.Fetch, Stream: "ORDERS", Consumer: "C"},
			wire.AppendMsg(nil, "ORDERS.c1", "2", ack, []byte("c1-17               ")),
		},
		{"confirmed ack", load.Op{Verb: history.Ack, Confirm: true, Delivery: &load.Delivery{Reply: ack}}, reply("")},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkStep(b, c.op, c.answer) })
	}
}

func benchmarkStep(b *testing.B, op load.Op, answer []byte) {
	l := &endless{op: op}
	env := &machine.Env{Mono: epoch, Choices: fixedChoices{}}
	var fx machine.Effects
	m, err := Boot(Config{Name: "c1", Nodes: []machine.NodeID{1}, Load: l, Record: &noRecord{}})(env, nil, &fx)
	if err != nil {
		b.Fatal(err)
	}
	out := &machine.ConnBuf{ID: 1}
	step := func(in *machine.Input) {
		fx.Reset()
		m.Step(env, in, &fx)
		out.B, out.Dirty = out.B[:0], false
	}
	step(&machine.Input{Kind: machine.TimerFired, Timer: timerConnect})
	step(&machine.Input{Kind: machine.ConnOpened, Conn: 1, Token: 1, Out: out})
	step(&machine.Input{Kind: machine.TimerFired, Timer: timerLoad})
	step(&machine.Input{Kind: machine.ConnBytes, Conn: 1, Bytes: []byte("INFO {\"headers\":true}\r\nPONG\r\n")})
	in := machine.Input{Kind: machine.ConnBytes, Conn: 1, Bytes: answer}
	at := bytes.Index(answer, []byte("#########"))
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		for i, rest := 8, n; at >= 0 && i >= 0; i, rest = i-1, rest/10 {
			answer[at+i] = byte('0' + rest%10)
		}
		step(&in)
	}
	if l.ended != n {
		b.Fatalf("%d of %d operations ended well", l.ended, n)
	}
}
