package broker

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/stream"
	"github.com/brokerlab/brokerlab/model/subject"
)

// assignment is a stream's place: its group and the nodes that hold it. The first of Peers is asked
// to stand for election when the group is made.
type assignment struct {
	Config  stream.Config
	Origin  *stream.Config `json:",omitempty"` // as it was created, if it has been changed since
	Version uint64         `json:",omitempty"` // the command that changed it last
	Group   uint64
	Peers   []machine.NodeID
	// Founders are the members of the group when it was made, by Peers; nil if all were in their first lives.
	Founders []memberID `json:",omitempty"`
	Created  int64

	group *group // nil where this node holds no replica
	lost  []lostReplica
}

// origin is the configuration that the stream's log begins with.
func (a *assignment) origin() stream.Config {
	if a.Origin != nil {
		return *a.Origin
	}
	return a.Config
}

// metaState is what the meta group's entries act on: which streams there are, and where. Every
// node holds it.
type metaState struct {
	g       *group
	streams []*assignment // sorted by name
	created []created
	subs    []*subscription
	lists   []*list // as leader
	listed  uint64  // number of the newest of them
}

// created is a client that waits to hear that its stream is there, or is as it wants it (version, update): the
// stream's leader tells it, as soon as there is one.
type created struct {
	stream, reply string
	version       uint64
	update        bool
	ticks         int
}

const (
	createdPrefix = "$BL.CREATED."
	maxCreated    = 1 << 12
	createdTicks  = 100 // then the client has given up
)

// metaCommand is one entry's wish. Meta entries are few, so they are JSON.
type metaCommand struct {
	Create *stream.Config `json:",omitempty"`
	Update *stream.Config `json:",omitempty"`
	Delete string         `json:",omitempty"`
	Reply  string         `json:",omitempty"`
	// Avoid, with Create, are nodes that hold a replica only if there are not enough others.
	Avoid []machine.NodeID `json:",omitempty"`
}

func (s *metaState) name() string { return "" }

func (s *metaState) find(name string) (int, *assignment) {
	i := sort.Search(len(s.streams), func(i int) bool { return s.streams[i].Config.Name >= name })
	if i < len(s.streams) && s.streams[i].Config.Name == name {
		return i, s.streams[i]
	}
	return i, nil
}

func (s *metaState) encode() []byte {
	text, err := json.Marshal(s.streams)
	if err != nil {
		machine.Broken("meta state: %v", err)
	}
	return text
}

// decode restores the assignments of a checkpoint or snapshot, and makes and unmakes this node's
// groups to match.
func (s *metaState) decode(text []byte) error {
	var streams []*assignment
	if err := json.Unmarshal(text, &streams); err != nil {
		return fmt.Errorf("meta state: %w", err)
	}
	old := s.streams
	s.streams = nil
	for _, a := range old {
		if !assigned(streams, a.Group) {
			s.unplace(a)
		}
	}
	for _, a := range streams {
		if i, have := s.find(a.Config.Name); have == nil {
			s.streams = append(s.streams[:i], append([]*assignment{a}, s.streams[i:]...)...)
		}
		if was := byGroup(old, a.Group); was != nil {
			a.group = was.group
			if a.group != nil {
				a.group.state.(*streamState).a = a
			}
			continue
		}
		s.place(a)
	}
	return nil
}

func assigned(list []*assignment, group uint64) bool { return byGroup(list, group) != nil }

func byGroup(list []*assignment, group uint64) *assignment {
	for _, a := range list {
		if a.Group == group {
			return a
		}
	}
	return nil
}

func (s *metaState) apply(index, _ uint64, data []byte) {
	r := reader{data}
	h := r.header()
	s.g.b.fx.Charge(machine.WorkApply, int64(h.count), 0, 0)
	replies := s.g.proposer.takeReplies(s.g.b, h)
	for i := range h.count {
		var c metaCommand
		if err := json.Unmarshal(r.bytes(), &c); err != nil {
			machine.Broken("meta entry %d: %v", index, err)
		}
		own := replies != nil
		switch {
		case c.Create != nil:
			s.applyCreate(index*maxCommands+uint64(i), h, c, own)
		case c.Update != nil:
			s.applyUpdate(index*maxCommands+uint64(i), c, own)
		case c.Delete != "":
			s.applyDelete(c, own)
		}
	}
}

// applyCreate places a new stream. Its first leader answers the client; refusals are answered by
// the node that proposed.
func (s *metaState) applyCreate(group uint64, h entryHeader, c metaCommand, own bool) {
	i, have := s.find(c.Create.Name)
	answer := func(text []byte) {
		if own {
			s.g.b.reply(c.Reply, text)
		}
	}
	if have != nil {
		switch {
		case !have.Config.Equal(*c.Create):
			answer((&apiError{400, 10058, "stream name already in use with a different configuration"}).typed(typeStreamCreate))
		case own:
			s.tellConfigured(created{stream: c.Create.Name, reply: c.Reply})
		}
		return
	}
	if s.taken(nil, c.Create.Subjects) {
		answer(errSubjectOverlap.typed(typeStreamCreate))
		return
	}
	a := &assignment{Config: *c.Create, Group: metaGroup + group, Created: int64(h.wall), Peers: s.choosePeers(c.Create.Replicas, c.Avoid)}
	a.Founders = s.founders(a.Peers)
	s.streams = append(s.streams[:i], append([]*assignment{a}, s.streams[i:]...)...)
	s.place(a)
	if own {
		s.tellConfigured(created{stream: c.Create.Name, reply: c.Reply})
	}
	s.g.b.observe(machine.Observation{Kind: machine.StreamCreated, Stream: a.Config.Name, Group: a.Group, N: int64(a.Config.Replicas)})
	if a.group != nil && a.Peers[0] == s.g.b.cfg.Node {
		// Somebody has to be first, and waiting for a timeout would only tell who. The others
		// need a moment to hear of the group.
		a.group.standIn = standTicks
	}
}

// tellConfigured has the stream's leader answer the client, now or when it has one.
func (s *metaState) tellConfigured(c created) {
	if len(s.created) < maxCreated {
		s.created = append(s.created, c)
		s.askLeaders()
	}
}

// askLeaders asks the leaders of streams to answer those who created them.
func (s *metaState) askLeaders() {
	s.created = slices.DeleteFunc(s.created, func(c created) bool {
		return s.g.b.request(createdPrefix+c.stream, c.reply, marshal(createdRequest{c.version, c.update}))
	})
}

// tick forgets those who have given up, and answers those who have waited long enough.
func (s *metaState) tick() {
	for _, l := range s.lists {
		l.ticks++
	}
	s.finishLists()
	s.forgetLost()
	for i := range s.created {
		s.created[i].ticks++
	}
	s.created = slices.DeleteFunc(s.created, func(c created) bool { return c.ticks > createdTicks })
}

func overlap(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if subject.Overlap(x, y) {
				return true
			}
		}
	}
	return false
}

func (s *metaState) applyDelete(c metaCommand, own bool) {
	i, a := s.find(c.Delete)
	if a != nil {
		s.streams = append(s.streams[:i], s.streams[i+1:]...)
		delete(s.g.b.pulls, a.Config.Name)
		s.unplace(a)
		s.g.b.observe(machine.Observation{Kind: machine.StreamDeleted, Stream: a.Config.Name, Group: a.Group})
	}
	if !own {
		return
	}
	if a == nil {
		s.g.b.reply(c.Reply, errStreamNotFound.typed(typeStreamDelete))
		return
	}
	s.g.b.reply(c.Reply, []byte(`{"type":"`+typeStreamDelete+`","success":true}`))
}

// place makes this node's group of an assignment, if it holds a replica.
func (s *metaState) place(a *assignment) {
	for _, p := range a.Peers {
		if p == s.g.b.cfg.Node {
			g, err := s.g.b.openGroup(a.Group, a.members(), streamDir(a.Group), func(g *group) state { return newStreamState(g, a) })
			if err != nil {
				machine.Broken("stream %s: %v", a.Config.Name, err)
			}
			a.group = g
			return
		}
	}
}

func (s *metaState) unplace(a *assignment) {
	if a.group != nil {
		s.g.b.closeGroup(a.group)
		a.group = nil
	}
}

const (
	metaDir    = "meta"
	streamsDir = "streams"
)

func streamDir(group uint64) string { return fmt.Sprintf("%s/%016x", streamsDir, group) }

// lead makes this node the place that requests about streams lead to.
func (s *metaState) lead() {
	serve := func(filter string, handle func(*message)) {
		s.subs = append(s.subs, s.g.serve("api", filter, handle))
	}
	for _, h := range []struct {
		filter string
		handle func(*message)
	}{
		{apiInfo, s.accountInfo},
		{apiStreamCreate + "*", s.createRequest},
		{apiStreamUpdate + "*", s.updateRequest},
		{apiStreamDelete + "*", s.deleteRequest},
		{apiStreamNames, s.namesRequest},
		{apiStreamList, s.listRequest},
		{s.listReply() + "*.*", s.described},
		{apiMetaStepDown, s.stepDownRequest},
		{apiStreamInfo + "*", s.infoElsewhere},
		{apiMsgGet + "*", s.ifMissing(typeMsgGet)},
		{apiMsgDelete + "*", s.ifMissing(typeMsgDelete)},
		{apiStreamPurge + "*", s.ifMissing(typeStreamPurge)},
		{apiStreamStepDown + "*", s.ifMissing(typeStreamStepDown)},
	} {
		serve(h.filter, h.handle)
	}
	for _, q := range missingStream {
		serve(q.prefix+">", s.ifMissingAfter(q.prefix, q.answer))
	}
	for _, u := range unservedAPI {
		serve(unservedFilter(u.prefix), s.refuseUnserved(u.prefix, u.kind))
	}
}

func (s *metaState) follow() {
	for _, sub := range s.subs {
		s.g.b.unsubscribe(sub)
	}
	s.subs, s.lists = nil, nil
}

func (s *metaState) close()    {}
func (s *metaState) caughtUp() {}
func (s *metaState) prepare()  {}
