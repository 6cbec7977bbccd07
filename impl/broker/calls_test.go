package broker

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/cockroachdb/datadriven"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// calls are requests of one client, one a line: "SUBJECT [Header:value ...] | body". A subject that begins with a
// capital is the API's. What is shown is the answers, without what is always the same or a time, and which messages
// were removed; disks finish at once. With "together" the calls arrive in one read.
func (s *story) calls(d *datadriven.TestData) error {
	var shown strings.Builder
	var frames []string
	for _, line := range strings.Split(d.Input, "\n") {
		frames = append(frames, frame(line, "in"))
	}
	if d.HasArg("together") {
		frames = []string{strings.Join(frames, "")}
	}
	for _, f := range frames {
		s.out.Reset()
		s.bytes(s.caller(), f)
		for s.finishOne() {
		}
		shown.WriteString(removals(s.out.String()))
		for _, m := range s.answered() {
			shown.WriteString("< " + m + "\n")
		}
	}
	s.out.Reset()
	s.out.WriteString(shown.String())
	return nil
}

// frame is a call as PUB or HPUB with a reply subject.
func frame(call, reply string) string {
	head, body, _ := strings.Cut(call, " | ")
	fields := strings.Fields(strings.TrimSuffix(head, " |"))
	subject := fields[0]
	if c := subject[0]; c >= 'A' && c <= 'Z' {
		subject = apiPrefix + subject
	}
	if len(fields) == 1 {
		return fmt.Sprintf("PUB %s %s %d\r\n%s\r\n", subject, reply, len(body), body)
	}
	var kv []string
	for _, f := range fields[1:] {
		k, v, _ := strings.Cut(f, ":")
		kv = append(kv, k, v)
	}
	header := wire.AppendHeader(nil, kv...)
	return fmt.Sprintf("HPUB %s %s %d %d\r\n%s%s\r\n", subject, reply, len(header), len(header)+len(body), header, body)
}

// caller is the connection that calls are made over.
func (s *story) caller() *machine.ConnBuf {
	if s.conns["caller"] == nil {
		s.nextID++
		out := &machine.ConnBuf{ID: s.nextID}
		s.conns["caller"] = out
		s.step(&machine.Input{Kind: machine.ConnOpened, Conn: out.ID, Out: out})
		s.bytes(out, "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\nSUB in 1\r\n")
		s.out.Reset()
	}
	return s.conns["caller"]
}

// answered renders what the caller was sent: of JSON the part that says something.
func (s *story) answered() (answers []string) {
	var lines []string
	for _, line := range strings.Split(s.out.String(), "\n") {
		if rest, ok := strings.CutPrefix(line, fmt.Sprintf("-> c%d", s.conns["caller"].ID)); ok {
			lines = append(lines, strings.TrimPrefix(rest, " "))
		}
	}
	for i := 0; i < len(lines); i++ {
		if strings.HasPrefix(lines[i], "MSG ") && i+1 < len(lines) {
			answers = append(answers, trimmed(lines[i+1]))
			i++
			continue
		}
		if strings.HasPrefix(lines[i], "HMSG ") {
			var parts []string
			for i++; i < len(lines) && !strings.HasPrefix(lines[i], "MSG ") && !strings.HasPrefix(lines[i], "HMSG "); i++ {
				if lines[i] != "" {
					parts = append(parts, lines[i])
				}
			}
			i--
			answers = append(answers, strings.Join(parts, " · "))
		}
	}
	return answers
}

func trimmed(answer string) string {
	var v map[string]any
	if json.Unmarshal([]byte(answer), &v) != nil {
		return answer
	}
	if state, ok := v["state"].(map[string]any); ok {
		delete(state, "consumer_count")
		v = state
	}
	delete(v, "type")
	text, _ := json.Marshal(v)
	return string(text)
}

func removals(out string) (shown string) {
	for _, line := range strings.Split(out, "\n") {
		if strings.HasPrefix(line, "! removed") {
			shown += line + "\n"
		}
	}
	return shown
}

// wait lets time pass: clocks and ticks; what is removed meanwhile is shown.
func (s *story) wait(d *datadriven.TestData) {
	var length int
	d.ScanArgs(t(d), "ms", &length)
	var shown string
	for range length / 100 {
		s.out.Reset()
		s.env.Wall += 100 * ms
		s.tickOnce()
		for s.finishOne() {
		}
		shown += removals(s.out.String())
	}
	s.out.Reset()
	s.out.WriteString(shown)
	if d.HasArg("entries") {
		fmt.Fprintf(&s.out, "applied %s\n", strconv.FormatUint(s.stream().g.applied, 10))
	}
}

// stream is the only stream's state.
func (s *story) stream() *streamState { return s.m.(*Broker).groups[1].state.(*streamState) }
