package broker

import (
	"slices"
	"strconv"

	"go.etcd.io/raft/v3/tracker"

	"github.com/brokerlab/brokerlab/model/machine"
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
	case len(g.peers) == 1: // nobody else, and nothing to do
	default:
		preferred := ""
		if req.Placement != nil {
			preferred = req.Placement.Preferred
		}
		var to machine.NodeID
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

// successor is the peer that is to lead: the one preferred by name, or of those heard from lately the one
// whose log is longest.
func (g *group) successor(preferred string) (machine.NodeID, *apiError) {
	if preferred != "" {
		i := slices.IndexFunc(g.peers, func(p machine.NodeID) bool { return nodeName(p) == preferred })
		switch {
		case i < 0:
			return 0, noPeers("preferred server " + strconv.Quote(preferred) + " not known")
		case g.peers[i] == g.b.cfg.Node:
			return 0, noPeers("preferred server " + strconv.Quote(preferred) + " is already leader")
		}
		return g.peers[i], nil
	}
	progress := g.node.Status().Progress
	best, found := tracker.Progress{}, machine.NodeID(0)
	for _, p := range g.peers {
		pr, known := progress[uint64(p)]
		if known && p != g.b.cfg.Node && pr.RecentActive && (found == 0 || pr.Match > best.Match) {
			best, found = pr, p
		}
	}
	if found == 0 {
		return 0, noPeers("no replacement peer connected")
	}
	return found, nil
}
