package broker

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
)

// tell makes the calls to a broker of one node with a stream S, letting 100 ms pass before each, and returns what it hears.
func tell(t *testing.T, sw Switches, calls ...string) string {
	s := single(t, func(c *Config) { c.Switches, c.TailBytes, c.KeepBytes = sw, 150, 100 })
	s.quiet(5)
	var heard strings.Builder
	for _, call := range calls {
		switch call {
		case "wait":
			for range 20 {
				s.env.Wall += 100 * ms
				s.quiet(1)
			}
			continue
		case "restart":
			wall := s.env.Wall
			s.conns = map[string]*machine.ConnBuf{}
			s.bootAgain(t)
			s.env.Wall = wall
			s.quiet(5)
			continue
		}
		s.env.Wall += 100 * ms
		s.caller()
		s.out.Reset()
		s.bytes(s.caller(), frame(call, "in"))
		for s.finishOne() {
		}
		for _, a := range s.answered() {
			heard.WriteString(a + "\n")
		}
	}
	return heard.String()
}

// Each planted bug of streams changes what a client hears of a few calls. (Whether the judges see it in a world of
// faults is another question.)
func TestEveryPlantedBugOfStreamsIsHeardOf(t *testing.T) {
	const info = `STREAM.INFO.S | {"deleted_details":true}`
	create := func(more string) string { return `STREAM.CREATE.S | {"name":"S","subjects":["s.*"]` + more + `}` }
	for bug, calls := range map[string][]string{
		"half-window":          {create(`,"duplicate_window":1000000000`), `s.a Nats-Msg-Id:x | 1`, `s.a | 2`, `s.a | 3`, `s.a | 4`, `s.a | 5`, `s.a Nats-Msg-Id:x | again`},
		"forget-ids":           {create(""), `s.a Nats-Msg-Id:x | 1`, `s.a | 2`, `s.a | 3`, `s.a | 4`, `s.a | 5`, "restart", `s.a Nats-Msg-Id:x | again`},
		"remember-refused":     {create(""), `s.a Nats-Msg-Id:x Nats-Expected-Last-Sequence:5 | refused`, `s.a Nats-Msg-Id:x | stored`},
		"duplicate-seq":        {create(""), `s.a Nats-Msg-Id:x | 1`, `s.a | 2`, `s.a Nats-Msg-Id:x | again`},
		"subject-of-stream":    {create(""), `s.a | 1`, `s.b | 2`, `s.a Nats-Expected-Last-Subject-Sequence:1 | 3`},
		"limit-newest":         {create(`,"max_msgs_per_subject":1`), `s.a | 1`, `s.a | 2`, info},
		"discard-new-one-more": {create(`,"max_msgs":1,"discard":"new"`), `s.a | 1`, `s.a | 2`},
		"purge-one-more":       {create(""), `s.a | 1`, `s.a | 2`, `s.a | 3`, `STREAM.PURGE.S | {"seq":2}`, `STREAM.PURGE.S | {"keep":1}`},
		"rollup-early":         {create(`,"allow_rollup_hdrs":true`), `s.a | 1`, `s.a Nats-Rollup:sub Nats-Expected-Last-Sequence:5 | refused`, info},
		"no-expiry":            {create(`,"max_age":1000000000`), `s.a | 1`, "wait", info},
	} {
		sw := mustProfile(t, "reference")
		without := tell(t, sw, calls...)
		require.NoError(t, sw.Set("bug-"+bug, "on"))
		require.NotEqual(t, without, tell(t, sw, calls...), "bug-%s", bug)
	}
}
