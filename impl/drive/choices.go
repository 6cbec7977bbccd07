package drive

import (
	"math/bits"

	"github.com/brokerlab/brokerlab/model/machine"
)

// choices draws by SipHash-2-4 of (purpose, id) under the boot's key, so that no draw tells
// anything about another.
type choices struct{ k0, k1 uint64 }

// newChoices keys a boot's draws by its identity.
func newChoices(seed uint64, node machine.NodeID, boot uint64) choices {
	root := choices{seed, 0x62726f6b65726c61}
	return choices{root.hash(uint64(node), boot), root.hash(boot, ^uint64(node))}
}

// Draw returns the number that belongs to purpose and id.
func (c choices) Draw(purpose machine.Purpose, id uint64) uint64 { return c.hash(uint64(purpose), id) }

// hash is SipHash-2-4 of the sixteen bytes of a and b.
func (c choices) hash(a, b uint64) uint64 {
	v := [4]uint64{c.k0 ^ 0x736f6d6570736575, c.k1 ^ 0x646f72616e646f6d, c.k0 ^ 0x6c7967656e657261, c.k1 ^ 0x7465646279746573}
	for _, m := range [3]uint64{a, b, 16 << 56} {
		v[3] ^= m
		sipRounds(&v, 2)
		v[0] ^= m
	}
	v[2] ^= 0xff
	sipRounds(&v, 4)
	return v[0] ^ v[1] ^ v[2] ^ v[3]
}

func sipRounds(v *[4]uint64, n int) {
	for range n {
		v[0] += v[1]
		v[1] = bits.RotateLeft64(v[1], 13) ^ v[0]
		v[0] = bits.RotateLeft64(v[0], 32)
		v[2] += v[3]
		v[3] = bits.RotateLeft64(v[3], 16) ^ v[2]
		v[0] += v[3]
		v[3] = bits.RotateLeft64(v[3], 21) ^ v[0]
		v[2] += v[1]
		v[1] = bits.RotateLeft64(v[1], 17) ^ v[2]
		v[2] = bits.RotateLeft64(v[2], 32)
	}
}
