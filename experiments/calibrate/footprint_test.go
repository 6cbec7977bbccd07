package calibrate

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// grown is by how many bytes the heap, and the footprint of node 1, grow by what do does.
func grown(r *rig, do func()) (heap, footprint int64) {
	measure := func() (heap, footprint int64) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		for _, u := range r.nodes[0].m.Footprint(nil) {
			footprint += u.Bytes
		}
		return int64(m.HeapAlloc), footprint
	}
	h, f := measure()
	do()
	heap, footprint = measure()
	runtime.KeepAlive(r)
	return heap - h, footprint - f
}

// about holds the footprint to the heap: within a third, since maps and slices grow by leaps.
func about(t *testing.T, r *rig, what string, heap, footprint int64) {
	t.Helper()
	require.NoError(t, r.err)
	require.InEpsilon(t, heap, footprint, 0.34, "%s: the heap has grown by %d bytes, the footprint by %d", what, heap, footprint)
}

func TestTheBrokersFootprintGrowsAsTheHeapDoes(t *testing.T) {
	t.Run("subscriptions", func(t *testing.T) {
		r := newRig(1, natsDesign().boot)
		c := r.natsClient(r.nodes[0], "")
		var subs []byte
		for i := range 20_000 {
			subs = fmt.Appendf(subs, "SUB tock.%d s%d\r\n", i, i)
		}
		heap, footprint := grown(r, func() { r.send(c, subs) })
		about(t, r, "subscriptions", heap, footprint)
	})
	t.Run("connections", func(t *testing.T) {
		r := newRig(1, natsDesign().boot)
		heap, footprint := grown(r, func() {
			for range 5000 {
				r.natsClient(r.nodes[0], "")
			}
		})
		about(t, r, "connections", heap, footprint)
	})
	t.Run("deliveries that nobody settled", func(t *testing.T) {
		r := newRig(1, natsDesign().boot)
		_, _, c := r.natsStreaming()
		r.natsRequest(c, "$JS.API.CONSUMER.CREATE.S.C", `{"stream_name":"S","config":{"durable_name":"C","ack_policy":"explicit","max_ack_pending":50000}}`)
		for range 200 {
			r.send(c, bytes.Repeat(pub("S.a", 16), 100))
		}
		heap, footprint := grown(r, func() {
			for range 200 {
				r.natsRequest(c, "$JS.API.CONSUMER.MSG.NEXT.S.C", `{"batch":100}`)
			}
		})
		about(t, r, "deliveries", heap, footprint)
	})
	t.Run("idle consumers", func(t *testing.T) {
		r := newRig(1, natsDesign().boot)
		_, _, c := r.natsStreaming()
		heap, footprint := grown(r, func() {
			for i := range 500 {
				r.natsRequest(c, fmt.Sprintf("$JS.API.CONSUMER.CREATE.S.C%d", i), fmt.Sprintf(`{"stream_name":"S","config":{"durable_name":"C%d","ack_policy":"explicit"}}`, i))
			}
		})
		about(t, r, "consumers", heap, footprint)
	})
	t.Run("streams", func(t *testing.T) {
		r := newRig(1, natsDesign().boot)
		heap, footprint := grown(r, func() {
			for i := range 200 {
				r.natsStream(fmt.Sprint("S", i))
			}
		})
		about(t, r, "streams", heap, footprint)
	})
	t.Run("messages with a subject each", func(t *testing.T) {
		r := newRig(1, natsDesign().boot)
		_, _, c := r.natsStreaming()
		heap, footprint := grown(r, func() {
			for i := range 20_000 {
				r.send(c, pub(fmt.Sprint("S.", i), 128))
			}
		})
		about(t, r, "messages", heap, footprint)
	})
}
