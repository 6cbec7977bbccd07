package subject

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The naive reading: split at dots and compare token lists.

func naiveValid(s string, wildcards bool) bool {
	tokens := strings.Split(s, ".")
	for i, t := range tokens {
		switch {
		case t == "" || strings.ContainsAny(t, " \t\n\r\f"):
			return false
		case t == "*" && !wildcards:
			return false
		case t == ">" && (!wildcards || i < len(tokens)-1):
			return false
		}
	}
	return true
}

func naiveMatch(filter, subject []string) bool {
	switch {
	case len(filter) == 1 && filter[0] == ">":
		return len(subject) > 0
	case len(filter) == 0 || len(subject) == 0:
		return len(filter) == len(subject)
	case filter[0] != "*" && filter[0] != subject[0]:
		return false
	}
	return naiveMatch(filter[1:], subject[1:])
}

// everySubject lists all literal subjects of up to 4 tokens over a, b and one token that no filter
// has: enough to tell any two filters of up to 3 tokens apart.
func everySubject() [][]string {
	all := [][]string{}
	level := [][]string{{}}
	for range 4 {
		next := [][]string{}
		for _, s := range level {
			for _, t := range []string{"a", "b", "z"} {
				next = append(next, append(append([]string{}, s...), t))
			}
		}
		all, level = append(all, next...), next
	}
	return all
}

func filters() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		tokens := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "*"}), 0, 3).Draw(t, "tokens")
		if len(tokens) == 0 || len(tokens) < 3 && rapid.Bool().Draw(t, "rest") {
			tokens = append(tokens, ">")
		}
		return strings.Join(tokens, ".")
	})
}

func TestValidityAgreesWithItsNaiveReading(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		token := rapid.SampledFrom([]string{"a", "bc", "*", ">", "*", ">", "a*", ">>", "", " ", "a\tb", "\n"})
		s := strings.Join(rapid.SliceOfN(token, 0, 4).Draw(t, "tokens"), ".")
		if got, want := Valid(s), naiveValid(s, false); got != want {
			t.Fatalf("Valid(%q) is %v", s, got)
		}
		if got, want := ValidFilter([]byte(s)), naiveValid(s, true); got != want {
			t.Fatalf("ValidFilter(%q) is %v", s, got)
		}
		if ValidFilter(s) && IsLiteral(s) != Valid(s) {
			t.Fatalf("%q is a valid filter; literal %v, publishable %v", s, IsLiteral(s), Valid(s))
		}
		if Tokens(s) != len(strings.Split(s, ".")) {
			t.Fatalf("%q has %d tokens, not %d", s, len(strings.Split(s, ".")), Tokens(s))
		}
	})
}

func TestMatchOverlapAndSubsetAgreeWithTheSetsOfSubjectsThatFiltersName(t *testing.T) {
	subjects := everySubject()
	rapid.Check(t, func(t *rapid.T) {
		a, b := filters().Draw(t, "a"), filters().Draw(t, "b")
		overlap, subset := false, true
		for _, s := range subjects {
			inA, inB := naiveMatch(strings.Split(a, "."), s), naiveMatch(strings.Split(b, "."), s)
			if got := Match(a, strings.Join(s, ".")); got != inA {
				t.Fatalf("Match(%q, %v) is %v", a, s, got)
			}
			overlap = overlap || inA && inB
			subset = subset && (inB || !inA)
		}
		if got := Overlap(a, b); got != overlap {
			t.Fatalf("Overlap(%q, %q) is %v", a, b, got)
		}
		if got := Subset(a, b); got != subset {
			t.Fatalf("Subset(%q, %q) is %v", a, b, got)
		}
	})
}

func TestNothingPanicsOnMalformedSubjects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gen := rapid.StringOfN(rapid.SampledFrom([]rune("a.*> ")), 0, 6, -1)
		a, b := gen.Draw(t, "a"), gen.Draw(t, "b")
		Match(a, b)
		Overlap(a, b)
		Subset(a, b)
		IsLiteral(a)
		Token(a, len(b))
		ValidName(a)
	})
}

func TestTokensAreCountedFromZero(t *testing.T) {
	for i, want := range []string{"$JS", "API", "INFO", "", ""} {
		if got := Token("$JS.API.INFO", i); got != want {
			t.Errorf("token %d is %q, not %q", i, got, want)
		}
	}
}

func TestNamesAreSingleHarmlessTokens(t *testing.T) {
	for name, want := range map[string]bool{
		"ORDERS": true, "a-b_c": true, "": false, "a.b": false, "a*": false,
		">": false, "a b": false, "a/b": false, `a\b`: false, "a\x00": false, "é": true,
	} {
		if got := ValidName(name); got != want {
			t.Errorf("ValidName(%q) is %v", name, got)
		}
	}
}

func ExampleMatch() {
	fmt.Println(Match("orders.*.new", "orders.eu.new"), Match("orders.>", "orders"), Match("orders*", "orders1"))
	// Output: true false false
}

func ExampleOverlap() {
	fmt.Println(Overlap("orders.*.new", "orders.eu.>"), Overlap("orders.*", "orders.eu.>"))
	// Output: true false
}

func BenchmarkMatch(b *testing.B) {
	subject := []byte("orders.eu.germany.new")
	for b.Loop() {
		if !Match("orders.*.germany.>", subject) {
			b.Fatal("no match")
		}
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	subject := []byte("orders.eu.germany.new")
	if n := testing.AllocsPerRun(100, func() { Match("orders.*.germany.>", subject) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
