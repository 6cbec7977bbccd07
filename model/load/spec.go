package load

import (
	"errors"
	"fmt"
	"strconv"
)

// Spec is a whole load as plain data: groups of clients that behave alike.
type Spec struct {
	Groups []Group `json:"clients"`
}

// Group is Count clients named Name1, Name2 and so on. Rates are those of the whole group.
type Group struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
	// Streams to publish to and read from; none means every stream of the cluster.
	Streams []string `json:"streams,omitempty"`
	// PublishPerSecond and ReadPerSecond are mean arrivals a second of the whole group.
	PublishPerSecond int `json:"publish_per_second,omitempty"`
	ReadPerSecond    int `json:"read_per_second,omitempty"`
	// Bytes of a payload; 0 means 64.
	Bytes int `json:"bytes,omitempty"`
	// ConditionalPercent of the publishes expect the last sequence that the client knows of.
	ConditionalPercent int `json:"conditional_percent,omitempty"`
	// LastPercent of the reads ask for the newest message.
	LastPercent int `json:"last_percent,omitempty"`
	// MaxOpen bounds the unanswered operations of one client; arrivals beyond it are given up.
	// 0 means 1024.
	MaxOpen int `json:"max_open,omitempty"`

	// From and Until bound the arrivals, Timeout is each operation's (0: the adapter's own);
	// all in nanoseconds, set by who runs the load.
	From    int64 `json:"-"`
	Until   int64 `json:"-"`
	Timeout int64 `json:"-"`
}

// Limits of a Spec: enough for any run that ends, and a clear error for a slip of the hand.
const (
	maxClients = 1000
	maxRate    = 1_000_000
	maxBytes   = 1 << 20
)

// Client is one client of a Spec.
type Client struct {
	Name string
	Load *Traffic
}

// Validate lists every fault of the spec; streams are those of the cluster.
func (s Spec) Validate(streams []StreamSpec) error {
	var faults []error
	bad := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	known := map[string]bool{}
	for _, st := range streams {
		known[st.Name] = true
	}
	if len(s.Groups) == 0 {
		bad("clients: there must be at least one group of clients")
	}
	total, names := 0, map[string]bool{}
	for i, g := range s.Groups {
		at := fmt.Sprintf("clients[%d]", i)
		if g.Name == "" || names[g.Name] {
			bad("%s.name: %q must be given and used once", at, g.Name)
		}
		names[g.Name] = true
		if !plainName(g.Name) {
			bad("%s.name: %q must be letters only: it becomes part of subjects and values", at, g.Name)
		}
		within(bad, at+".count", g.Count, 1, maxClients)
		within(bad, at+".publish_per_second", g.PublishPerSecond, 0, maxRate)
		within(bad, at+".read_per_second", g.ReadPerSecond, 0, maxRate)
		within(bad, at+".bytes", g.Bytes, 0, maxBytes)
		within(bad, at+".conditional_percent", g.ConditionalPercent, 0, 100)
		within(bad, at+".last_percent", g.LastPercent, 0, 100)
		within(bad, at+".max_open", g.MaxOpen, 0, 1<<20)
		if g.PublishPerSecond == 0 && g.ReadPerSecond == 0 {
			bad("%s: publish_per_second or read_per_second must be above 0", at)
		}
		for _, name := range g.Streams {
			if !known[name] {
				bad("%s.streams: the cluster has no stream %q", at, name)
			}
		}
		total += g.Count
	}
	if total > maxClients {
		bad("clients: %d clients in all; the limit is %d", total, maxClients)
	}
	return errors.Join(faults...)
}

func within(bad func(string, ...any), what string, v, low, high int) {
	if v < low || v > high {
		bad("%s: %d must be between %d and %d", what, v, low, high)
	}
}

// plainName holds names to letters, so that "c1" is never both a group and a client of group "c".
func plainName(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return true
}

// Clients returns every client of a valid spec with its load: arrivals between from and until
// nanoseconds, each operation with the given timeout.
func (s Spec) Clients(key Key, streams []StreamSpec, from, until, timeout int64) []Client {
	var out []Client
	for _, g := range s.Groups {
		g = g.filled(streams)
		g.From, g.Until, g.Timeout = from, until, timeout
		for n := 1; n <= g.Count; n++ {
			name := g.Name + strconv.Itoa(n)
			out = append(out, Client{Name: name, Load: NewTraffic(name, g, key.Sub(name))})
		}
	}
	return out
}

// filled puts defaults in.
func (g Group) filled(streams []StreamSpec) Group {
	if len(g.Streams) == 0 {
		g.Streams = nil
		for _, s := range streams {
			g.Streams = append(g.Streams, s.Name)
		}
	}
	if g.Bytes == 0 {
		g.Bytes = 64
	}
	if g.MaxOpen == 0 {
		g.MaxOpen = 1024
	}
	return g
}

// publishGap and readGap are one client's mean gaps in nanoseconds; 0 means never.
func (g Group) publishGap() int64 { return gap(g.PublishPerSecond, g.Count) }
func (g Group) readGap() int64    { return gap(g.ReadPerSecond, g.Count) }

func gap(perSecond, clients int) int64 {
	if perSecond == 0 {
		return 0
	}
	return int64(clients) * 1_000_000_000 / int64(perSecond)
}
