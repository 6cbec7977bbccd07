package broker

import (
	"encoding/binary"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/stream"
)

// A change of a stream's configuration is decided by meta, in its log, and takes effect in the stream's log, as
// a command that the stream's leader proposes: only so is what a publish met with a function of the stream's log.
// (In nats-server each replica changes over when it hears of meta's entry, between any two messages.)
//
// The assignment keeps the first configuration beside the newest, for a replica that has to apply its log from the
// beginning.

func (s *metaState) createRequest(m *message) {
	if cfg, ok := s.configuration(m, typeStreamCreate); ok {
		s.propose(metaCommand{Create: &cfg, Avoid: s.absentees(), Reply: string(m.reply)})
	}
}

func (s *metaState) updateRequest(m *message) {
	if cfg, ok := s.configuration(m, typeStreamUpdate); ok {
		s.propose(metaCommand{Update: &cfg, Reply: string(m.reply)})
	}
}

// configuration reads a request's configuration; what can never be is refused here.
func (s *metaState) configuration(m *message, kind string) (cfg stream.Config, ok bool) {
	cfg, err := stream.Parse(m.data)
	if err != nil {
		s.g.b.reply(string(m.reply), (&apiError{400, 10025, "invalid JSON: " + err.Error()}).typed(kind))
		return cfg, false
	}
	cfg = cfg.Defaults()
	if why := s.invalid(m, &cfg, kind); why != nil {
		s.g.b.reply(string(m.reply), why.typed(kind))
		return cfg, false
	}
	return cfg, true
}

func (s *metaState) invalid(m *message, cfg *stream.Config, kind string) *apiError {
	nodes := len(s.g.b.cfg.Nodes)
	switch err := cfg.Validate(); {
	case cfg.Name != lastToken(m.subject):
		return &apiError{400, 10056, "stream name in subject does not match request"}
	case cfg.Replicas < 0:
		return &apiError{400, 10133, "replicas count cannot be negative"}
	case err != nil:
		return invalidConfig(err)
	case kind == typeStreamCreate && cfg.Sealed:
		return &apiError{500, 10052, "stream configuration for create can not be sealed"}
	case cfg.Replicas > nodes && nodes == 1:
		return &apiError{500, 10074, "replicas > 1 not supported in non-clustered mode"}
	case cfg.Replicas > nodes:
		return &apiError{400, 10005, "no suitable peers for placement: " + strconv.Itoa(cfg.Replicas) + " replicas, " + strconv.Itoa(nodes) + " nodes"}
	}
	return nil
}

func invalidConfig(err error) *apiError { return &apiError{500, 10052, err.Error()} }

// applyUpdate changes what meta says of a stream; its leader carries it into the stream's log.
func (s *metaState) applyUpdate(id uint64, c metaCommand, own bool) {
	_, a := s.find(c.Update.Name)
	why := s.changed(id, a, *c.Update)
	switch {
	case !own:
	case why != nil:
		s.g.b.reply(c.Reply, why.typed(typeStreamUpdate))
	default:
		s.tellConfigured(created{stream: a.Config.Name, reply: c.Reply, version: a.Version, update: true})
	}
	if why == nil && a.group != nil && a.group.leading {
		a.group.state.(*streamState).reconfigure()
	}
}

// changed changes an assignment's configuration, or says why it may not.
func (s *metaState) changed(id uint64, a *assignment, cfg stream.Config) *apiError {
	if a == nil {
		return errStreamNotFound
	}
	cfg, err := cfg.Update(a.Config)
	switch {
	case err != nil:
		return invalidConfig(err)
	case cfg.Replicas != a.Config.Replicas:
		return &apiError{400, 10061, "Replicas configuration can not be updated"}
	case s.taken(a, cfg.Subjects):
		return errSubjectOverlap
	case cfg.Equal(a.Config):
		return nil
	}
	if a.Origin == nil {
		first := a.Config
		a.Origin = &first
	}
	a.Config, a.Version = cfg, id
	return nil
}

var errSubjectOverlap = &apiError{400, 10065, "subjects overlap with an existing stream"}

// taken says whether a stream other than a takes in some of the subjects.
func (s *metaState) taken(a *assignment, subjects []string) bool {
	return slices.ContainsFunc(s.streams, func(other *assignment) bool {
		return other != a && overlap(other.Config.Subjects, subjects)
	})
}

// reconfigureTicks is how long a leader waits for a change that it proposed before it does so again.
const reconfigureTicks = 20

// reconfigure carries, on the leader, what meta says into the stream's log. It is called every tick.
func (s *streamState) reconfigure() {
	if s.a.Version <= s.version {
		return
	}
	if s.asked--; s.asked > 0 {
		return
	}
	cmd := binary.AppendUvarint([]byte{cmdConfigure}, s.a.Version)
	if s.g.proposer.enqueue(s.g, "", appendBytes(cmd, marshal(s.a.Config))) {
		s.asked = reconfigureTicks
	}
}

// applyConfigure changes the configuration. What the new limits leave no room for goes at once (nats-server filestore.go
// UpdateConfig).
func (s *streamState) applyConfigure(entry, version uint64, text []byte) {
	if version <= s.version {
		return // proposed twice
	}
	var cfg stream.Config
	if err := json.Unmarshal(text, &cfg); err != nil {
		machine.Broken("entry %d of stream %s configures it by %q: %v", entry, s.name(), text, err)
	}
	old := s.cfg
	s.configure(cfg, version)
	s.asked = 0
	remove := func(seq uint64, rule string) { s.remove(entry, seq, rule) }
	s.limits.Expire(s.g.store, s.clock, remove)
	s.limits.Total(s.g.store, remove)
	if cfg.MaxMsgsPer > 0 && (old.MaxMsgsPer <= 0 || cfg.MaxMsgsPer < old.MaxMsgsPer) {
		var over []string
		s.g.store.EachSubject(">", func(subject string, count, _, _ uint64) bool {
			if count > uint64(cfg.MaxMsgsPer) {
				over = append(over, subject)
			}
			return true
		})
		for _, subject := range over {
			s.limits.Subject(s.g.store, subject, remove)
		}
	}
	if cfg.Retention != old.Retention {
		s.releaseUnneeded(entry)
	}
	if s.g.leading && !slices.Equal(cfg.Subjects, old.Subjects) {
		s.listen()
	}
	s.tellAwaiting()
}

// awaiting is a client that waits until the stream's log has come to a configuration.
type awaiting struct {
	version uint64
	reply   string
	kind    string
}

// created is asked, by the node where a client created or updated the stream, to tell the client when the stream is as
// it wanted.
func (s *streamState) created(m *message) {
	var ask createdRequest
	if why := parseRequest(m.data, &ask); why != nil || len(s.awaiting) >= maxCreated {
		return
	}
	kind := typeStreamCreate
	if ask.Update {
		kind = typeStreamUpdate
	}
	s.awaiting = append(s.awaiting, awaiting{ask.Version, string(m.reply), kind})
	s.tellAwaiting()
}

// createdRequest is the body of a request to createdPrefix.
type createdRequest struct {
	Version uint64 `json:",omitempty"`
	Update  bool   `json:",omitempty"`
}

func (s *streamState) tellAwaiting() {
	if !s.g.leading {
		return
	}
	s.awaiting = slices.DeleteFunc(s.awaiting, func(w awaiting) bool {
		if w.version > s.version {
			return false
		}
		s.g.readWhenLeading(w.reply, func(reply string) {
			s.offerDirect() // before the client, who may ask for one at once, hears of it
			s.g.b.reply(reply, s.infoJSON(w.kind, infoRequest{}))
		})
		return true
	})
}
