//go:build !race

package drive

import (
	"net"
	"testing"

	"github.com/brokerlab/brokerlab/model/machine"
)

// mirror writes back what it is given.
type mirror struct {
	out map[machine.ConnID]*machine.ConnBuf
}

func (m *mirror) Step(env *machine.Env, in *machine.Input, fx *machine.Effects) {
	switch in.Kind {
	case machine.ConnOpened:
		m.out[in.Conn] = in.Out
	case machine.ConnBytes:
		fx.Write(m.out[in.Conn], in.Bytes)
		fx.SetTimer(machine.TimerKey{Kind: 1, ID: uint64(in.Conn)}, env.Mono+1e12)
	}
}

func (m *mirror) Footprint(dst []machine.Use) []machine.Use { return dst }

func bootMirror(*machine.Env, machine.Image, *machine.Effects) (machine.Machine, error) {
	return &mirror{out: map[machine.ConnID]*machine.ConnBuf{}}, nil
}

func dialMirror(tb testing.TB) (turn func(size int)) {
	tb.Helper()
	nc, err := net.Dial("tcp", testServer(tb, Config{Boot: bootMirror}).Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { nc.Close() })
	nc.SetDeadline(timeIn(deadline))
	buf := make([]byte, 1<<20)
	return func(size int) {
		if _, err := nc.Write(buf[:size]); err != nil {
			tb.Fatal(err)
		}
		for got := 0; got < size; {
			n, err := nc.Read(buf)
			if err != nil {
				tb.Fatal(err)
			}
			got += n
		}
	}
}

func TestServingAConnectionMakesNoGarbage(t *testing.T) {
	turn := dialMirror(t)
	for _, size := range []int{16, 1024, 16 << 10} {
		turn(size)
		turn(size)
		if n := testing.AllocsPerRun(500, func() { turn(size) }); n > 0 {
			t.Errorf("%v allocations for a read, a step and a write of %d bytes", n, size)
		}
	}
}

func BenchmarkMirror(b *testing.B) {
	turn := dialMirror(b)
	for _, size := range []int{16, 4 << 10, 64 << 10} {
		b.Run(itoa(size), func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				turn(size)
			}
		})
	}
}
