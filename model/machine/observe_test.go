package machine

import (
	"fmt"
	"strings"
	"testing"
)

// A judge takes equal hashes for one message: what differs by a bit, a byte, a length or by where the subject ends hashes to
// something else.
func TestMessagesThatDifferHashToDifferentNumbers(t *testing.T) {
	seen := map[uint64]string{}
	add := func(subject, payload string) {
		t.Helper()
		h, what := ContentHash([]byte(subject), []byte(payload)), fmt.Sprintf("%q %q", subject, payload)
		if other, twice := seen[h]; twice {
			t.Fatalf("%s and %s", other, what)
		}
		seen[h] = what
	}
	whole := strings.Repeat("orders.eu 17 ", 3)
	for i := range len(whole) + 1 {
		add(whole[:i], whole[i:])
		if 0 < i && i < len(whole) {
			add("", whole[:i])
		}
	}
	for n := range 40 {
		add("zeros", string(make([]byte, n)))
		for bit := range 8 * n {
			p := make([]byte, n)
			p[bit/8] = 1 << (bit % 8)
			add("zeros", string(p))
		}
	}
	for c := range 20 {
		for i := range 5000 {
			add("orders.eu", fmt.Sprintf("c%d-%d", c, i))
		}
	}
}
