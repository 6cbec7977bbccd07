package broker

import "github.com/brokerlab/brokerlab/model/stream"

// accountLimits are all limits that clients may insist on; -1 is none.
type accountLimits struct {
	MaxMemory        int64 `json:"max_memory"`
	MaxStorage       int64 `json:"max_storage"`
	MaxStreams       int   `json:"max_streams"`
	MaxConsumers     int   `json:"max_consumers"`
	MaxAckPending    int   `json:"max_ack_pending"`
	MaxMemoryStream  int64 `json:"memory_max_stream_bytes"`
	MaxStorageStream int64 `json:"storage_max_stream_bytes"`
	MaxBytesRequired bool  `json:"max_bytes_required"`
}

// usage is what the streams take up, all replicas counted, by their storage; reserved is what max_bytes lets them.
type usage struct {
	Memory          uint64 `json:"memory"`
	Storage         uint64 `json:"storage"`
	ReservedMemory  uint64 `json:"reserved_memory"`
	ReservedStorage uint64 `json:"reserved_storage"`
	Streams         int    `json:"streams"`
	Consumers       int    `json:"consumers"`
}

func (s *metaState) accountInfo(m *message) {
	s.g.readWhenLeading(string(m.reply), func(reply string) {
		s.g.b.reply(reply, marshal(struct {
			Type string `json:"type"`
			usage
			Limits accountLimits  `json:"limits"`
			API    map[string]int `json:"api"`
		}{
			typeAccountInfo, s.usage(),
			accountLimits{-1, -1, -1, -1, -1, -1, -1, false},
			map[string]int{"level": 0, "total": 0, "errors": 0},
		}))
	})
}

// usage counts what this node holds a replica of: clients ask when they start, and are not made to wait for the leaders of
// all streams.
func (s *metaState) usage() usage {
	u := usage{Streams: len(s.streams)}
	for _, a := range s.streams {
		used, reserved := &u.Storage, &u.ReservedStorage
		if a.Config.Storage == stream.Memory {
			used, reserved = &u.Memory, &u.ReservedMemory
		}
		replicas := uint64(len(a.Peers))
		*reserved += replicas * uint64(max(a.Config.MaxBytes, 0))
		if a.group == nil {
			continue
		}
		held := a.group.state.(*streamState)
		_, _, _, size := held.span()
		*used += replicas * size
		u.Consumers += held.consumers.count()
	}
	return u
}
