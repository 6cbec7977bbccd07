package broker

import (
	"slices"
	"strconv"

	"go.etcd.io/raft/v3/tracker"
)

// stepDownRequest of a stream or, for meta, of the leader of all: who asks may prefer a node to take over.
type stepDownRequest struct {
	Placement *struct {
		Preferred string   `json:"preferred"`
		Cluster   string   `json:"cluster"`
		Tags      []string `json:"tags"`
	} `json:"placement"`
}

func (s *streamState) stepDownRequest(m *message) { s.g.stepDown(m, typeStreamStepDown) }
func (s *metaState) stepDownRequest(m *message)   { s.g.stepDown(m, typeMetaStepDown) }

// stepDown hands the leadership on, by raft's transfer: the target catches up and stands for election at
// once. As in nats-server, the answer says that it has begun.
func (g *group) stepDown(m *message, kind string) {
	var req stepDownRequest
	why := parseRequest(m.data, &req)
	switch {
	case why != nil:
	case len(g.b.cfg.Nodes) == 1:
		why = &apiError{503, 10010, "JetStream clustering support required"}
	case req.Placement != nil && (req.Placement.Cluster != "" && req.Placement.Cluster != g.b.cfg.Cluster || len(req.Placement.Tags) > 0):
		why = noPeers("no replacement peer connected")
	case len(g.founders) == 1: // nobody else, and nothing to do
	default:
		preferred := ""
		if req.Placement != nil {
			preferred = req.Placement.Preferred
		}
		var to memberID
		if to, why = g.successor(preferred); why == nil {
			g.node.TransferLeader(uint64(to))
			g.queue()
		}
	}
	if why != nil {
		g.b.reply(string(m.reply), why.typed(kind))
		return
	}
	g.b.reply(string(m.reply), []byte(`{"type":"`+kind+`","success":true}`))
}

func noPeers(why string) *apiError { return &apiError{400, 10005, why} }

// successor is the member that is to lead: that of the node preferred by name, or of those heard from lately
// the one whose log is longest.
func (g *group) successor(preferred string) (memberID, *apiError) {
	if preferred != "" {
		i := slices.IndexFunc(g.members.newest, func(a admission) bool { return nodeName(a.id.node()) == preferred })
		switch {
		case i < 0:
			return 0, noPeers("preferred server " + strconv.Quote(preferred) + " not known")
		case g.members.newest[i].id == g.self:
			return 0, noPeers("preferred server " + strconv.Quote(preferred) + " is already leader")
		}
		return g.members.newest[i].id, nil
	}
	progress := g.node.Status().Progress
	best, found := tracker.Progress{}, memberID(0)
	for _, a := range g.members.newest {
		pr, known := progress[uint64(a.id)]
		if known && a.id != g.self && g.members.votes(a.id) && pr.RecentActive && (found == 0 || pr.Match > best.Match) {
			best, found = pr, a.id
		}
	}
	if found == 0 {
		return 0, noPeers("no replacement peer connected")
	}
	return found, nil
}
