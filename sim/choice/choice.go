package choice

import (
	"math/bits"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Seed is the seed of a run.
type Seed uint64

// Component is the part of the world that draws. The numbers are part of what a seed
// means: a new component is added at the end.
type Component uint32

const (
	Network Component = iota + 1
	Disk
	Process
	Clock
	Plan
	Load
	Machine
	Cost
	Collector
	Boot
)

const (
	golden = 0x9e3779b97f4a7c15
	mulA   = 0xff51afd7ed558ccd
	mulB   = 0xc4ceb9fe1a85ec53
	mulC   = 0xbf58476d1ce4e5b9
	mulD   = 0x94d049bb133111eb
	secret = 0xa0761d6478bd642f
)

// Draw returns 64 uniform bits for one purpose of one identity. By convention a, b and c
// say what the draw is about, the widest first (a node, an operation, a sector), and n what it
// is for, or the how-manieth for the same purpose.
func (s Seed) Draw(component Component, a, b, c, n uint64) uint64 {
	// Each word passes a folded 128-bit multiplication keyed by a different constant, so
	// that exchanging two words, or moving a difference from one to another, changes the result.
	h := fold(uint64(s)^golden, uint64(component)*mulC^secret)
	h = fold(h^a, mulA^bits.RotateLeft64(uint64(s), 32))
	h = fold(h^b, mulB) + golden
	h = fold(h^c, mulC|1) ^ bits.RotateLeft64(a, 17)
	h = fold(h^n, mulD) + bits.RotateLeft64(b, 41)
	return mix(h ^ c*mulA ^ n*golden)
}

// fold multiplies to 128 bits and folds the halves together. Adding x back keeps a zero
// factor from erasing what was there.
func fold(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x|1<<63, y)
	return hi ^ lo + bits.RotateLeft64(x, 29)
}

// mix is the SplitMix64 finalizer: a bijection in which every input bit moves every output bit.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * mulC
	h = (h ^ h>>27) * mulD
	return h ^ h>>31
}

// Below maps a draw onto 0 … n-1 by its high bits; n 0 gives 0. The bias is below n/2⁶⁴.
func Below(draw, n uint64) uint64 {
	hi, _ := bits.Mul64(draw, n)
	return hi
}

// Between maps a draw onto lo … hi, both included; it returns lo if hi < lo.
func Between(draw uint64, lo, hi int64) int64 {
	if hi <= lo {
		return lo
	}
	return lo + int64(Below(draw, uint64(hi-lo)+1))
}

// Permille is true for p of a thousand draws.
func Permille(draw, p uint64) bool { return Below(draw, 1000) < p }

// PPM is true for p of a million draws.
func PPM(draw, p uint64) bool { return Below(draw, 1_000_000) < p }

// Node is what one boot of one node draws from: the machine.Choices of that machine.
type Node struct {
	Seed Seed
	Node machine.NodeID
	Boot uint64
}

// Draw implements machine.Choices.
func (n *Node) Draw(purpose machine.Purpose, id uint64) uint64 {
	return n.Seed.Draw(Machine, uint64(n.Node), n.Boot, uint64(purpose), id)
}
