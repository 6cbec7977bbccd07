package faults

// shape is how many targets a kind has, and what stands between them.
type shape uint8

const (
	noTarget shape = iota
	oneTarget
	oneWay   // A -> B
	bothWays // A - B
	groups   // A | B | …
)

// amount is what a kind's Amount means and how it is written.
type amount uint8

const (
	noAmount amount = iota
	latency         // +2ms
	percent         // 12.5%
	factor          // x10
	step            // +1s or -1s
	rate            // +200ppm or -200ppm
)

// form is the grammar of one kind; printing, parsing, validation and generation share it.
type form struct {
	verb    string
	shape   shape
	amount  amount
	lasts   bool // for DUR
	once    bool
	power   bool // keep=POLICY [tear]
	sync    bool // [as=VARIANT]
	clients bool // clients may be a target
	media   bool // damages what a node believes of its disk: counts against the budget
	loses   bool // what was synced
	files   bool // in=PREFIX [last]
}

var forms = [kinds]form{
	Crash:     {verb: "crash", shape: oneTarget, lasts: true},
	Power:     {verb: "power", shape: oneTarget, lasts: true, power: true},
	Pause:     {verb: "pause", shape: oneTarget, lasts: true},
	Partition: {verb: "partition", shape: groups, lasts: true, clients: true},
	Cut:       {verb: "cut", shape: oneWay, lasts: true, clients: true},
	Clog:      {verb: "clog", shape: oneWay, lasts: true, clients: true},
	SlowLink:  {verb: "slow-link", shape: bothWays, amount: latency, lasts: true, clients: true},
	Reset:     {verb: "reset", shape: bothWays, clients: true},
	Drop:      {verb: "drop", shape: oneWay, amount: percent, lasts: true},
	Duplicate: {verb: "duplicate", shape: oneWay, amount: percent, lasts: true},
	Reorder:   {verb: "reorder", shape: oneWay, amount: percent, lasts: true},
	SlowDisk:  {verb: "slow-disk", shape: oneTarget, amount: factor, lasts: true},
	StallDisk: {verb: "stall-disk", shape: oneTarget, lasts: true},
	FullDisk:  {verb: "full-disk", shape: oneTarget, lasts: true, media: true},
	FailWrite: {verb: "fail-write", shape: oneTarget, once: true, media: true},
	FailSync:  {verb: "fail-sync", shape: oneTarget, once: true, sync: true, media: true},
	Clock:     {verb: "clock", shape: oneTarget, amount: step},
	Drift:     {verb: "drift", shape: oneTarget, amount: rate, lasts: true},
	Wipe:      {verb: "wipe", shape: oneTarget, lasts: true, media: true, loses: true},
	Lose:      {verb: "lose", shape: oneTarget, lasts: true, media: true, loses: true, files: true},
	Rot:       {verb: "rot", shape: oneTarget, media: true, loses: true, files: true},
	Heal:      {verb: "heal", shape: noTarget},
}

// separators between targets, by shape.
var separators = [...]string{oneWay: "->", bothWays: "-", groups: "|"}

var (
	keepNames = []string{"", "none", "all", "prefix", "subset", "last", "metadata", "data", "any"}
	syncNames = []string{"", "keep", "revert", "late"}
)

// String is the kind's verb.
func (k Kind) String() string {
	if k == 0 || k >= kinds {
		return "?"
	}
	return forms[k].verb
}

// ParseKind is the inverse of String; ok is false for a verb that is none.
func ParseKind(verb string) (k Kind, ok bool) {
	for k = 1; k < kinds; k++ {
		if forms[k].verb == verb {
			return k, true
		}
	}
	return 0, false
}

// Kinds returns every kind.
func Kinds() []Kind {
	var out []Kind
	for k := Kind(1); k < kinds; k++ {
		out = append(out, k)
	}
	return out
}

// Lasting says that faults of this kind have a duration, and end.
func (k Kind) Lasting() bool { return k > 0 && k < kinds && forms[k].lasts }

// OnLinks says that the kind strikes what passes between nodes, and clients.
func (k Kind) OnLinks() bool { return k > 0 && k < kinds && forms[k].shape >= oneWay }

// Media says that the kind makes a node's disk refuse or lose what it should not: such faults are budgeted,
// since no replication survives them on a majority.
func (k Kind) Media() bool { return k > 0 && k < kinds && forms[k].media }

// Loses says that the kind takes what had been synced: of each group only a minority may ever suffer it, and
// that one must be back before the next does.
func (k Kind) Loses() bool { return k > 0 && k < kinds && forms[k].loses }

// String is the policy's name in plans and in sim/disk.
func (k Keep) String() string { return keepNames[min(int(k), len(keepNames)-1)] }

// String is the variant's name in plans; empty if it is to be drawn.
func (v SyncFailure) String() string { return syncNames[min(int(v), len(syncNames)-1)] }

// roles are the words that name nodes by what they do for a stream.
var roles = []struct {
	word string
	who  Who
}{
	{"leader", Leader},
	{"follower", Follower},
	{"followers", Followers},
	{"members", Members},
	{"majority", Majority},
	{"minority", Minority},
}

// roleOf returns the role a word stands for, or 0.
func roleOf(word string) Who {
	for _, r := range roles {
		if r.word == word {
			return r.who
		}
	}
	return 0
}
