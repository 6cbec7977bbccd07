package broker

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/stream"
)

type peerInfo struct {
	Name    string `json:"name"`
	Current bool   `json:"current"`
	Offline bool   `json:"offline,omitempty"`
	Active  int64  `json:"active"`
	Lag     uint64 `json:"lag,omitempty"`
	Peer    string `json:"peer"` // the newest member of the node in the stream's group
}

type clusterInfo struct {
	Name     string     `json:"name"`
	Leader   string     `json:"leader"`
	Replicas []peerInfo `json:"replicas,omitempty"`
}

type streamInfo struct {
	Type    string        `json:"type,omitempty"`
	*paging               // of subjects, in the answer to STREAM.INFO
	Config  stream.Config `json:"config"`
	Created string        `json:"created"`
	State   streamCounts  `json:"state"`
	Cluster clusterInfo   `json:"cluster"`
	Stamp   string        `json:"ts"`
}

type paging struct {
	Total  int `json:"total"`
	Offset int `json:"offset"`
	Limit  int `json:"limit"`
}

type streamCounts struct {
	Messages    uint64            `json:"messages"`
	Bytes       uint64            `json:"bytes"`
	FirstSeq    uint64            `json:"first_seq"`
	FirstTime   string            `json:"first_ts"`
	LastSeq     uint64            `json:"last_seq"`
	LastTime    string            `json:"last_ts"`
	NumSubjects int               `json:"num_subjects,omitempty"`
	Subjects    map[string]uint64 `json:"subjects,omitempty"`
	NumDeleted  uint64            `json:"num_deleted,omitempty"`
	Deleted     []uint64          `json:"deleted,omitempty"`
	Consumers   int               `json:"consumer_count"`
}

// infoRequest asks for more than the numbers: which sequences below the last are gone, and how many messages
// the subjects have that a filter names, from the Offset-th on.
type infoRequest struct {
	Deleted  bool   `json:"deleted_details"`
	Subjects string `json:"subjects_filter"`
	Offset   int    `json:"offset"`
}

const (
	// maxSubjectDetails is how many subjects an answer holds (nats-server JSMaxSubjectDetails).
	maxSubjectDetails = 100_000
	// maxDeletedDetails is how many gone sequences an answer names.
	maxDeletedDetails = 1 << 20
)

func (s *streamState) info(m *message) {
	var req infoRequest
	if why := parseRequest(m.data, &req); why != nil {
		s.g.b.reply(string(m.reply), why.typed(typeStreamInfo))
		return
	}
	s.g.readWhenLeading(string(m.reply), func(reply string) { s.g.b.reply(reply, s.infoJSON(typeStreamInfo, req)) })
}

// infoJSON describes the stream.
func (s *streamState) infoJSON(kind string, req infoRequest) []byte {
	b := s.g.b
	first, last, count, size := s.span()
	const never = "0001-01-01T00:00:00Z"
	info := streamInfo{
		Type: kind, Config: s.cfg, Created: stamp(s.a.Created), Stamp: stamp(int64(b.env.Wall)),
		State: streamCounts{
			Messages: count, Bytes: size, FirstSeq: first, LastSeq: last, FirstTime: never, LastTime: never,
			NumDeleted: last + 1 - first - count, Consumers: s.consumers.count(),
		},
		Cluster: s.cluster(),
	}
	if kind == typeStreamInfo {
		info.paging = &paging{}
	}
	if last == 0 {
		info.State.FirstSeq = 0 // nothing has ever been first
	}
	if at, ok := s.g.store.TimeOf(first); ok {
		info.State.FirstTime = stamp(at)
	}
	if s.stamp != 0 {
		info.State.LastTime = stamp(s.stamp)
	}
	if count > 0 {
		s.g.store.EachSubject(">", func(string, uint64, uint64, uint64) bool {
			info.State.NumSubjects++
			return true
		})
	}
	if req.Deleted {
		info.State.Deleted = s.gone(first, last)
	}
	if req.Subjects != "" {
		s.addSubjects(&info, req)
	}
	text := marshal(info)
	b.fx.Charge(machine.WorkAPI, 1, int64(len(text)), 0)
	return text
}

// cluster says who leads the stream, and who else holds it.
func (s *streamState) cluster() clusterInfo {
	b := s.g.b
	info := clusterInfo{Name: b.cfg.Cluster, Leader: b.cfg.Name}
	for _, p := range s.a.Peers {
		if other := b.peer(p); other != nil {
			member := s.g.members.of(p).id
			info.Replicas = append(info.Replicas, peerInfo{
				Name: nodeName(p), Current: other.up[machine.RaftLink] && s.g.members.whole(member) && !s.a.isLost(p), Offline: s.a.isLost(p), Peer: member.String(),
			})
		}
	}
	return info
}

// gone lists the sequences between first and last that are not there.
func (s *streamState) gone(first, last uint64) (list []uint64) {
	for seq := first; seq <= last && len(list) < maxDeletedDetails; seq++ {
		next, ok := s.g.store.NextAt(seq)
		if !ok {
			next = last + 1
		}
		for ; seq < next && len(list) < maxDeletedDetails; seq++ {
			list = append(list, seq)
		}
	}
	return list
}

func (s *streamState) addSubjects(info *streamInfo, req infoRequest) {
	offset, n := max(req.Offset, 0), 0
	s.g.store.EachSubject(req.Subjects, func(subject string, count, _, _ uint64) bool {
		if n >= offset && n-offset < maxSubjectDetails {
			if info.State.Subjects == nil {
				info.State.Subjects = map[string]uint64{}
			}
			info.State.Subjects[subject] = count
		}
		n++
		return true
	})
	if n > 0 {
		*info.paging = paging{n, offset, maxSubjectDetails}
	}
}

// lastOfEach is the newest sequences, none below from, of the subjects that the filters name, in order; ok is false if they
// are too many.
func (s *streamState) lastOfEach(filters []string, from uint64) (seqs []uint64, ok bool) {
	for _, filter := range filters {
		s.g.store.EachSubject(filter, func(_ string, _, _, last uint64) bool {
			if last >= from {
				seqs = append(seqs, last)
			}
			return len(seqs) <= 2*maxDirectMulti // filters may name one subject twice
		})
	}
	slices.SortFunc(seqs, cmp.Compare)
	seqs = slices.Compact(seqs)
	return seqs, len(seqs) <= maxDirectMulti
}

// emptyRequest says whether a request's body asks for nothing (nats-server isEmptyRequest).
func emptyRequest(data []byte) bool {
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return true
	}
	var v map[string]json.RawMessage
	return json.Unmarshal(data, &v) == nil && len(v) == 0
}
