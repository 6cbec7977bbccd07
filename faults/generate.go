package faults

import (
	"math/bits"
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
)

// GenOptions bounds what Generate may do.
type GenOptions struct {
	Nodes int
	// Start and End in nanoseconds: faults strike, and are over, between them.
	Start, End int64
	// Kinds allowed; nil: every kind but Duplicate, Reorder (only a hostile datagram link has
	// them), Wipe, Lose, Rot and Heal.
	Kinds []Kind
	// Replicas of the stream that has fewest; 0: as many as nodes. With fewer than three, nothing that
	// was synced is lost.
	Replicas int
	// Files are the beginnings of the names of files that Lose and Rot strike.
	Files []string
	// Streams that roles may speak of. "meta" may always be among them.
	Streams []string
	// Gap is the mean time in nanoseconds between two strikes, before the seed varies it
	// twofold either way; 0: 2 s.
	Gap int64
	// NoClients keeps the clients' connections out of it.
	NoClients bool
}

const (
	milli      int64 = 1e6
	second     int64 = 1e9
	grain            = milli / 10 // strikes and durations are multiples of it
	mostFaults       = 10_000
)

// Purposes of the generator's draws.
const (
	forKindIn uint64 = iota + 1
	forKindWeight
	forGap
	forVictims
	forKind
	forTime
	forLength
	forLengthIn
	forTarget
	forNode
	forOther
	forStream
	forShape
	forAmount
	forSign
	forKeep
	forTear
	forSplit
	forFiles
)

// Generate draws a plan. Each seed uses a subset of the kinds, with weights of its own (swarm
// testing: what is left out matters as much as what is in), at an intensity of its own. Faults
// that damage disks stay within the budget: at most a minority of the nodes ever suffers one, and only one
// node ever loses what it had synced.
func Generate(seed uint64, opt GenOptions) Plan {
	g := generator{seed: seed, opt: opt}
	g.prepare()
	var p Plan
	for i := range g.count {
		if f, ok := g.fault(i); ok {
			p.Faults = append(p.Faults, f)
		}
	}
	return p
}

// generator holds what a seed decides for the whole plan.
type generator struct {
	seed    uint64
	opt     GenOptions
	count   int
	slot    int64
	weights [kinds]uint64
	total   uint64
	victims []machine.NodeID
}

// draw returns 64 uniform bits for the purpose of one fault: a function of its arguments alone.
func (g *generator) draw(fault int, purpose, n uint64) uint64 {
	h := g.seed ^ 0x6a09e667f3bcc909
	for _, w := range [...]uint64{uint64(fault), purpose, n} {
		hi, lo := bits.Mul64(h^w^0x9e3779b97f4a7c15, 0xd6e8feb86659fd93)
		h = hi ^ lo + bits.RotateLeft64(h, 27) + w*0xbf58476d1ce4e5b9
		h ^= h >> 32
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// below maps a draw onto 0 … n-1.
func below(draw, n uint64) uint64 {
	hi, _ := bits.Mul64(draw, n)
	return hi
}

func between(draw uint64, lo, hi int64) int64 {
	if hi <= lo {
		return lo
	}
	return lo + int64(below(draw, uint64(hi-lo)+1))
}

// whole is the number under which draws about the plan itself are made.
const whole = -1

// prepare draws what holds for the whole plan.
func (g *generator) prepare() {
	span := g.opt.End - g.opt.Start
	if g.opt.Nodes < 1 || span <= 0 {
		return
	}
	gap := g.opt.Gap
	if gap <= 0 {
		gap = 2 * second
	}
	gap = max(between(g.draw(whole, forGap, 0), gap/2, gap*2), 1)
	g.count = int(min(max(span/gap, 1), mostFaults))
	g.slot = span / int64(g.count)
	g.chooseVictims()
	g.weigh()
}

// chooseVictims draws the minority of nodes whose disks may fail.
func (g *generator) chooseVictims() {
	ids := Everyone().Expand(g.opt.Nodes)
	for i := range (g.opt.Nodes - 1) / 2 {
		j := i + int(below(g.draw(whole, forVictims, uint64(i)), uint64(len(ids)-i)))
		ids[i], ids[j] = ids[j], ids[i]
	}
	g.victims = ids[:(g.opt.Nodes-1)/2]
	slices.Sort(g.victims)
}

// weigh draws which kinds take part, and how much.
func (g *generator) weigh() {
	allowed := g.opt.Kinds
	if allowed == nil {
		allowed = slices.DeleteFunc(Kinds(), func(k Kind) bool { return k == Duplicate || k == Reorder || k.Loses() || k == Heal })
	}
	replicas := g.opt.Replicas
	if replicas == 0 {
		replicas = g.opt.Nodes
	}
	able := slices.DeleteFunc(slices.Clone(allowed), func(k Kind) bool {
		return k == 0 || k >= kinds || k.Media() && len(g.victims) == 0 ||
			k.Loses() && replicas < 3 || k < kinds && forms[k].files && len(g.opt.Files) == 0 ||
			k.OnLinks() && g.opt.Nodes < 2 && (g.opt.NoClients || !forms[k].clients)
	})
	slices.Sort(able)
	able = slices.Compact(able)
	if len(able) == 0 {
		g.count = 0
		return
	}
	surely := able[below(g.draw(whole, forKind, 0), uint64(len(able)))]
	for _, k := range able {
		if k == surely || g.draw(whole, forKindIn, uint64(k))&1 == 1 {
			g.weights[k] = 1 + below(g.draw(whole, forKindWeight, uint64(k)), 100)
			g.total += g.weights[k]
		}
	}
}

// fault draws the i-th fault; ok is false if nothing can strike there.
func (g *generator) fault(i int) (f Fault, ok bool) {
	if g.total == 0 {
		return f, false
	}
	pick := below(g.draw(i, forKind, 0), g.total)
	for k := Kind(1); k < kinds; k++ {
		if pick < g.weights[k] {
			f.Kind = k
			break
		}
		pick -= g.weights[k]
	}
	at := g.opt.Start + int64(i)*g.slot + between(g.draw(i, forTime, 0), 0, g.slot-1)
	f.At = max(at/grain*grain, g.opt.Start)
	form := &forms[f.Kind]
	if form.lasts {
		f.For = min(g.length(i), g.opt.End-f.At)
	}
	f.Amount = g.amount(i, form.amount)
	if form.power {
		f.Keep = [...]Keep{KeepNone, KeepPrefix, KeepSubset, KeepSubset, KeepLast, KeepMetadata, KeepData, KeepAny, KeepAny, KeepAll}[below(g.draw(i, forKeep, 0), 10)]
		f.Tear = g.draw(i, forTear, 0)&1 == 1
	}
	if form.files {
		f.In = g.opt.Files[below(g.draw(i, forFiles, 0), uint64(len(g.opt.Files)))]
	}
	switch form.shape {
	case oneTarget:
		f.Targets = []Target{g.one(i, f.Kind)}
	case oneWay, bothWays:
		f.Targets = g.ends(i, form)
	case groups:
		f.Targets = g.split(i)
	}
	return f, true
}

// length draws a duration: short ones probe a protocol's timers, long ones outlast them.
func (g *generator) length(i int) int64 {
	steps := [...]int64{20 * milli, 100 * milli, 300 * milli, second, 2500 * milli, 6 * second}
	k := below(g.draw(i, forLength, 0), uint64(len(steps)-1))
	return between(g.draw(i, forLengthIn, 0), steps[k], steps[k+1]) / grain * grain
}

// amount draws how much.
func (g *generator) amount(i int, a amount) int64 {
	draw, sign := g.draw(i, forAmount, 0), int64(1)
	if g.draw(i, forSign, 0)&1 == 1 {
		sign = -1
	}
	of := func(choices ...int64) int64 { return choices[below(draw, uint64(len(choices)))] }
	switch a {
	case latency:
		return of(2*milli, 10*milli, 50*milli, 200*milli, second)
	case percent:
		return of(10_000, 50_000, 200_000, 500_000)
	case factor:
		return of(5, 20, 100, 1000)
	case step:
		return sign * of(5*milli, 200*milli, 2*second, 90*second, 3600*second)
	case rate:
		return sign * of(50, 500, 5_000, 50_000)
	}
	return 0
}
