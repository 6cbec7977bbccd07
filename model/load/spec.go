package load

import "strconv"

// Spec is a whole load as plain data: groups of clients that behave alike.
type Spec struct {
	Groups []Group `json:"clients"`
}

// Group is Count clients named Name1, Name2 and so on, of one role: Send, Subscribe, Request, Serve, Work or Follow, or
// without any of these, traffic on streams. Rates are those of the whole group.
type Group struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
	// Nodes are those to which the clients connect first, in turn; none: each has an order of its own.
	Nodes []int `json:"nodes,omitempty"`
	// Moves has them come and go.
	Moves *Moves `json:"moves,omitempty"`

	Send      *Send      `json:"send,omitempty"`
	Subscribe *Subscribe `json:"subscribe,omitempty"`
	Request   *Request   `json:"request,omitempty"`
	Serve     *Serve     `json:"serve,omitempty"`
	Work      *Work      `json:"work,omitempty"`
	Follow    *Follow    `json:"follow,omitempty"`

	// Streams to publish to and read from; none means every stream of the cluster.
	Streams []string `json:"streams,omitempty"`
	// Mean arrivals of the whole group.
	PublishPerSecond int `json:"publish_per_second,omitempty"`
	ReadPerSecond    int `json:"read_per_second,omitempty"`
	RemovePerSecond  int `json:"remove_per_second,omitempty"`
	PurgePerMinute   int `json:"purge_per_minute,omitempty"`
	// Bytes of a payload; 0 means 64.
	Bytes int `json:"bytes,omitempty"`
	// Keys is how many subjects a client publishes to, its own unless SharedKeys; 0 means one of its own.
	Keys       int  `json:"keys,omitempty"`
	SharedKeys bool `json:"shared_keys,omitempty"`
	// ConditionalPercent of the publishes expect the last sequence that the client knows of the stream,
	// KeyConditionalPercent the one it knows of the subject.
	ConditionalPercent    int `json:"conditional_percent,omitempty"`
	KeyConditionalPercent int `json:"key_conditional_percent,omitempty"`
	// IDPercent of the publishes carry a deduplication id. Those are tried again up to Retries times when their outcome is
	// unknown or there was no room for them, and RepeatPercent of them once when all went well.
	IDPercent     int `json:"id_percent,omitempty"`
	Retries       int `json:"retries,omitempty"`
	RepeatPercent int `json:"repeat_percent,omitempty"`
	// RollupPercent of the unconditional publishes replace what their subject holds, RollupAllPercent the whole stream.
	RollupPercent    int `json:"rollup_percent,omitempty"`
	RollupAllPercent int `json:"rollup_all_percent,omitempty"`
	// KeyPercent of the reads ask for the newest message of a subject; of the others LastPercent for the newest of all, and
	// NextPercent of what remains for the next of a subject.
	KeyPercent  int `json:"key_percent,omitempty"`
	LastPercent int `json:"last_percent,omitempty"`
	NextPercent int `json:"next_percent,omitempty"`
	// DirectPercent of the reads may be answered by any replica.
	DirectPercent int `json:"direct_percent,omitempty"`
	// MaxOpen bounds the unanswered operations of one client; arrivals beyond it are given up.
	// 0 means 1024.
	MaxOpen int `json:"max_open,omitempty"`

	// From and Until bound the arrivals, Timeout is each operation's (0: the adapter's own);
	// all in nanoseconds, set by who runs the load.
	From    int64 `json:"-"`
	Until   int64 `json:"-"`
	Timeout int64 `json:"-"`
}

// Client is one client of a Spec.
type Client struct {
	Name string
	Load Load
	// First is the node that it connects to first; 0: it chooses.
	First int
}

// Clients returns every client of a valid spec with its load: arrivals between from and until
// nanoseconds, each operation with the given timeout.
func (s Spec) Clients(key Key, streams []StreamSpec, from, until, timeout int64) []Client {
	var out []Client
	for i := range s.Groups {
		g := s.Groups[i].filled(streams)
		g.From, g.Until, g.Timeout = from, until, timeout
		for n := 1; n <= g.Count; n++ {
			c := Client{Name: g.Name + strconv.Itoa(n)}
			r := g.role(c.Name, key.Sub(c.Name), streams)
			c.Load = r
			if g.Moves != nil {
				c.Load = newMover(r, &g, key.Sub(c.Name))
			}
			if len(g.Nodes) > 0 {
				c.First = g.Nodes[(n-1)%len(g.Nodes)]
			}
			out = append(out, c)
		}
	}
	return out
}

// role makes what one client of the group does.
func (g *Group) role(name string, key Key, streams []StreamSpec) role {
	switch {
	case g.Send != nil, g.Request != nil:
		return newSender(name, g, key)
	case g.Subscribe != nil:
		return newSubscriber(g, key)
	case g.Serve != nil:
		return newServer(name, g, key)
	case g.Work != nil:
		return newWorker(g, key, findConsumer(streams, g.Work.Stream, g.Work.Consumer))
	case g.Follow != nil:
		return newFollower(name, g)
	}
	return newTraffic(name, *g, key, streams)
}

// Worked lists the consumers that somebody works on to the end, each once.
func (s Spec) Worked() []ConsumerName {
	var out []ConsumerName
	seen := map[ConsumerName]bool{}
	for i := range s.Groups {
		if w := s.Groups[i].Work; w != nil && !seen[ConsumerName{w.Stream, w.Consumer}] {
			seen[ConsumerName{w.Stream, w.Consumer}] = true
			out = append(out, ConsumerName{w.Stream, w.Consumer})
		}
	}
	return out
}

// filled puts defaults in.
func (g Group) filled(streams []StreamSpec) Group {
	if len(g.Streams) == 0 {
		g.Streams = nil
		for i := range streams {
			g.Streams = append(g.Streams, streams[i].Name)
		}
	}
	g.Bytes, g.MaxOpen = orElse(g.Bytes, 64), orElse(g.MaxOpen, 1024)
	return g
}

// gap is one client's mean gap between arrivals in nanoseconds; 0 means never.
func gap(perSecond, clients int) int64 {
	if perSecond == 0 {
		return 0
	}
	return int64(clients) * 1_000_000_000 / int64(perSecond)
}
