package checker

import (
	"fmt"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/history"
)

// seconds renders nanoseconds as seconds with millisecond digits, rounded down.
func seconds(ns int64) string {
	sign := ""
	if ns < 0 {
		sign, ns = "-", -ns
	}
	return fmt.Sprintf("%s%d.%03d s", sign, ns/1_000_000_000, ns/1_000_000%1000)
}

// when renders an event's time and index.
func when(e *history.Event) string { return fmt.Sprintf("at %s (#%d)", seconds(e.Time), e.Index) }

// place renders a sequence number of a stream, as ORDERS:812.
func place(stream string, seq uint64) string { return fmt.Sprintf("%s:%d", stream, seq) }

// nodeName renders a node number.
func nodeName(n uint32) string { return fmt.Sprintf("n%d", n) }

// nodeNames renders nodes in ascending order: "n1, n2 and n3".
func nodeNames(nodes []uint32) string {
	ns := slices.Clone(nodes)
	slices.Sort(ns)
	ns = slices.Compact(ns)
	names := make([]string, len(ns))
	for i, n := range ns {
		names[i] = nodeName(n)
	}
	return listed(names)
}

// listed joins words as a sentence does: "a, b and c".
func listed(words []string) string {
	switch len(words) {
	case 0:
		return "nobody"
	case 1:
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// number renders a count with its noun.
func number(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
