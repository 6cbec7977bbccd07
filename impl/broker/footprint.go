package broker

import "github.com/brokerlab/brokerlab/model/machine"

// What one of the things of which there may be many takes in memory, beside the bytes that are counted as they are: by how much
// the heap of a 64-bit process grows for each (experiments/calibrate holds them to it).
const (
	subscriptionBytes = 483  // with its places in the index and in its connection's tables
	connectionBytes   = 760  // without buffers, which are the driver's
	consumerBytes     = 2300 // with its configuration and tables
	deliveryBytes     = 102  // pending, and waited for
	groupBytes        = 9000 // etcd raft's state and tables, the store's and the stream's
)

// Footprint reports what lives in memory, by kind.
func (b *Broker) Footprint(dst []machine.Use) []machine.Use {
	groups := machine.Use{Kind: "groups", Count: int64(len(b.groups)), Bytes: groupBytes * int64(len(b.groups))}
	tail, stores, ids := machine.Use{Kind: "raft tail"}, machine.Use{Kind: "stores"}, machine.Use{Kind: "duplicate window"}
	consumers, deliveries := machine.Use{Kind: "consumers"}, machine.Use{Kind: "deliveries"}
	for _, g := range b.groups {
		tail.Count += int64(len(g.tail.ents))
		tail.Bytes += g.tail.bytes
		_, _, count, _ := g.store.State()
		stores.Count += int64(count)
		stores.Bytes += g.store.MemoryBytes()
		if s, ok := g.state.(*streamState); ok {
			ids.Count += int64(s.ids.Len())
			ids.Bytes += s.ids.Bytes()
			consumers.Count += int64(len(s.consumers.list))
			deliveries.Count += s.consumers.pending()
		}
	}
	consumers.Bytes, deliveries.Bytes = consumerBytes*consumers.Count, deliveryBytes*deliveries.Count
	connections := machine.Use{Kind: "connections", Count: int64(len(b.conns)), Bytes: connectionBytes * int64(len(b.conns))}
	for _, c := range b.conns { // map order: a sum
		connections.Bytes += c.flow.backlog + int64(cap(c.out.B))
	}
	interest := int64(b.index.Len())
	return append(dst, groups, tail, stores, ids, consumers, deliveries, connections,
		machine.Use{Kind: "interest", Count: interest, Bytes: subscriptionBytes * interest},
		machine.Use{Kind: "log", Count: int64(b.log.Segments())},
	)
}
