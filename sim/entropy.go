package sim

import (
	"crypto/rand"
	"io"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
)

// etcd raft draws its election timeouts from crypto/rand.Reader, a variable of the process.
// Brokers run the library as it is shipped, so while the world runs that variable is the
// world: a read returns draws of the machine that is being stepped, keyed by its node, its
// life and the number of the byte. One stream for all nodes would shift every later timeout
// of every node when one event is taken away, and no plan could be reduced.
//
// A power-of-two election tick makes crypto/rand.Int read exactly one byte and never reject:
// one choice a timeout.
//
// The price: one World at a time may be in RunUntil in a program, and nothing else in the program
// may read random bytes meanwhile. Who does is told so by a panic. Parallel seeds are parallel
// processes.

// borrowEntropy points crypto/rand.Reader at the world, and returns what gives it back.
func (w *World) borrowEntropy() (giveBack func()) {
	if _, taken := rand.Reader.(stepEntropy); taken {
		machine.Broken("two worlds run at once in one process")
	}
	old := rand.Reader
	rand.Reader = stepEntropy{w}
	return func() { rand.Reader = old }
}

type stepEntropy struct{ w *World }

var _ io.Reader = stepEntropy{}

// Read implements io.Reader: one draw a byte.
func (e stepEntropy) Read(b []byte) (int, error) {
	p := e.w.stepping
	if p == nil {
		machine.Broken("%d random bytes read outside a step at %d ns", len(b), e.w.now)
	}
	for i := range b {
		b[i] = byte(e.w.seed.Draw(choice.Process, uint64(p.id), p.choices.Boot, p.entropy, forEntropy) >> 56)
		p.entropy++
	}
	return len(b), nil
}
