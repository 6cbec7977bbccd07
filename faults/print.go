package faults

import (
	"strconv"
	"strings"
)

// Header is the first line of a plan's text.
const Header = "plan v1"

// String is the plan's text: the header and one fault a line. Parse reads it back.
func (p Plan) String() string {
	var b strings.Builder
	b.WriteString(Header + "\n")
	for i := range p.Faults {
		b.WriteString(p.Faults[i].String() + "\n")
	}
	return b.String()
}

// String is the fault's line in a plan.
func (f *Fault) String() string {
	if f.Kind == 0 || f.Kind >= kinds {
		return "at " + FormatDuration(f.At) + " ?"
	}
	g := &forms[f.Kind]
	words := []string{"at", FormatDuration(f.At), g.verb}
	for i, t := range f.Targets {
		if i > 0 {
			words = append(words, separators[g.shape])
		}
		words = append(words, t.String())
	}
	if g.amount != noAmount {
		words = append(words, f.amount(g.amount))
	}
	if g.lasts {
		words = append(words, "for", FormatDuration(f.For))
	}
	if g.power {
		words = append(words, "keep="+f.Keep.String())
		if f.Tear {
			words = append(words, "tear")
		}
	}
	if g.once {
		words = append(words, "once")
	}
	if g.files {
		words = append(words, "in="+f.In)
		if f.Last {
			words = append(words, "last")
		}
	}
	if g.sync && f.Sync != SyncDrawn {
		words = append(words, "as="+f.Sync.String())
	}
	return strings.Join(words, " ")
}

// amount is how f.Amount is written.
func (f *Fault) amount(a amount) string {
	sign, size := "+", f.Amount
	if size < 0 {
		sign, size = "-", -size
	}
	switch a {
	case latency, step:
		return sign + FormatDuration(size)
	case percent:
		return decimal(size, 4) + "%"
	case factor:
		return "x" + strconv.FormatInt(f.Amount, 10)
	case rate:
		return sign + strconv.FormatInt(size, 10) + "ppm"
	}
	return ""
}

// String is the target as a plan writes it.
func (t Target) String() string {
	words := make([]string, len(t))
	for i := range t {
		words[i] = t[i].String()
	}
	return strings.Join(words, " ")
}

// String is the term as a plan writes it.
func (x *Term) String() string {
	var s string
	switch x.Who {
	case OneNode:
		return "n" + strconv.FormatUint(uint64(x.Node), 10)
	case All:
		return "all"
	case Clients:
		return "clients"
	case Others:
		s = "others"
	case Follower:
		s = "follower " + strconv.Itoa(x.N) + " of " + x.Stream
	default:
		for _, r := range roles {
			if r.who == x.Who {
				s = r.word + " of " + x.Stream
			}
		}
	}
	if !x.Resolved {
		return s
	}
	ids := make([]string, len(x.Nodes))
	for i, id := range x.Nodes {
		ids[i] = "n" + strconv.FormatUint(uint64(id), 10)
	}
	return s + " (" + strings.Join(ids, " ") + ")"
}

// FormatDuration writes nanoseconds as plans do: in the largest of s, ms, us and ns that is not
// above it, as a decimal without trailing zeros.
func FormatDuration(ns int64) string {
	sign, size := "", uint64(ns)
	if ns < 0 {
		sign, size = "-", -size
	}
	for _, u := range [...]struct {
		name   string
		places int
		size   uint64
	}{{"s", 9, 1e9}, {"ms", 6, 1e6}, {"us", 3, 1e3}} {
		if size >= u.size {
			return sign + decimal(int64(size/u.size), 0) + fraction(size%u.size, u.places) + u.name
		}
	}
	if size == 0 {
		return "0s"
	}
	return sign + strconv.FormatUint(size, 10) + "ns"
}

// decimal writes v/10^places without trailing zeros; v is not negative.
func decimal(v int64, places int) string {
	unit := int64(1)
	for range places {
		unit *= 10
	}
	return strconv.FormatInt(v/unit, 10) + fraction(uint64(v%unit), places)
}

// fraction writes v/10^places, v below 10^places, as what follows the integer part.
func fraction(v uint64, places int) string {
	if v == 0 {
		return ""
	}
	digits := strconv.FormatUint(v, 10)
	return "." + strings.TrimRight(strings.Repeat("0", places-len(digits))+digits, "0")
}
