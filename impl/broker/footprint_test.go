package broker

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
func about(t *testing.T, what string, heap, footprint int64) {
	t.Helper()
	require.InEpsilon(t, heap, footprint, 0.34, "%s: the heap has grown by %d bytes, the footprint by %d", what, heap, footprint)
}

func TestFootprintGrowsAsTheHeapDoes(t *testing.T) {
	t.Run("subscriptions", func(t *testing.T) {
		r := newRig(t, 1)
		c := r.connect(r.nodes[0], "")
		var subs []byte
		for i := range 20_000 {
			subs = fmt.Appendf(subs, "SUB tock.%d s%d\r\n", i, i)
		}
		heap, footprint := grown(r, func() { r.send(c, subs) })
		about(t, "subscriptions", heap, footprint)
	})
	t.Run("connections", func(t *testing.T) {
		r := newRig(t, 1)
		heap, footprint := grown(r, func() {
			for range 2000 {
				r.connect(r.nodes[0], "")
			}
		})
		about(t, "connections", heap, footprint)
	})
	t.Run("deliveries that nobody settled", func(t *testing.T) {
		r, _, _, c := streaming(t, 1)
		r.request(c, "$JS.API.CONSUMER.CREATE.S.C", `{"stream_name":"S","config":{"durable_name":"C","ack_policy":"explicit","max_ack_pending":50000}}`)
		for range 200 {
			r.send(c, bytes.Repeat(pub("S.a", 16), 100))
		}
		heap, footprint := grown(r, func() {
			for range 200 {
				r.request(c, "$JS.API.CONSUMER.MSG.NEXT.S.C", `{"batch":100}`)
			}
		})
		about(t, "deliveries", heap, footprint)
	})
	t.Run("idle consumers", func(t *testing.T) {
		r, _, _, c := streaming(t, 1)
		heap, footprint := grown(r, func() {
			for i := range 500 {
				r.request(c, fmt.Sprintf("$JS.API.CONSUMER.CREATE.S.C%d", i), fmt.Sprintf(`{"stream_name":"S","config":{"durable_name":"C%d","ack_policy":"explicit"}}`, i))
			}
		})
		about(t, "consumers", heap, footprint)
	})
	t.Run("streams", func(t *testing.T) {
		r := newRig(t, 1)
		heap, footprint := grown(r, func() {
			for i := range 200 {
				r.stream(fmt.Sprint("S", i))
			}
		})
		about(t, "streams", heap, footprint)
	})
	t.Run("messages with a subject each", func(t *testing.T) {
		r, _, _, c := streaming(t, 1)
		heap, footprint := grown(r, func() {
			for i := range 20_000 {
				r.send(c, pub(fmt.Sprint("S.", i), 128))
			}
		})
		about(t, "messages", heap, footprint)
	})
}
