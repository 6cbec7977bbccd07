package interest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/subject"
)

type sub struct {
	filter, queue string
	id            int
}

// naive is the law: a scan over all subscriptions in the order they were added.
type naive []sub

func (n naive) match(name string) (plain []int, queues []Queue[int]) {
	groups := map[string][]int{}
	for _, s := range n {
		switch {
		case !subject.Match(s.filter, name):
		case s.queue == "":
			plain = append(plain, s.id)
		default:
			groups[s.queue] = append(groups[s.queue], s.id)
		}
	}
	for q, ids := range groups {
		queues = append(queues, Queue[int]{q, ids})
	}
	slices.SortFunc(queues, func(a, b Queue[int]) int { return strings.Compare(a.Name, b.Name) })
	return plain, queues
}

func same(r *Result[int], plain []int, queues []Queue[int]) bool {
	return slices.Equal(r.Plain, plain) && slices.EqualFunc(r.Queues, queues, func(a, b Queue[int]) bool {
		return a.Name == b.Name && slices.Equal(a.Subs, b.Subs)
	})
}

func show(r *Result[int]) string { return fmt.Sprintf("plain %v queues %v", r.Plain, r.Queues) }

var (
	tokens  = rapid.SampledFrom([]string{"a", "b", "*", "_INBOX"})
	literal = rapid.SampledFrom([]string{"a", "b", "c", "_INBOX"})
)

func drawFilter(t *rapid.T) string {
	f := rapid.SliceOfN(tokens, 0, 3).Draw(t, "tokens")
	if len(f) == 0 || rapid.IntRange(0, 3).Draw(t, "rest") == 0 {
		f = append(f, ">")
	}
	return strings.Join(f, ".")
}

func TestMatchAgreesWithAScanThroughAnyHistoryOfAddAndRemove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, law := New[int](), naive{}
		scratch := &Result[int]{}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				s := sub{drawFilter(t), rapid.SampledFrom([]string{"", "", "q1", "q2"}).Draw(t, "queue"), rapid.IntRange(1, 4).Draw(t, "id")}
				gen, dup := x.Gen(), slices.Contains(law, s)
				if added := x.Add(s.filter, s.queue, s.id); added == dup {
					t.Fatalf("Add(%v) is %v; there already: %v", s, added, dup)
				}
				if dup != (gen == x.Gen()) {
					t.Fatalf("generation %d became %d; there already: %v", gen, x.Gen(), dup)
				}
				if !dup {
					law = append(law, s)
				}
			},
			"remove": func(t *rapid.T) {
				if len(law) == 0 {
					t.Skip("nothing to remove")
				}
				i := rapid.IntRange(0, len(law)-1).Draw(t, "which")
				if !x.Remove(law[i].filter, law[i].queue, law[i].id) {
					t.Fatalf("%v is not there", law[i])
				}
				law = slices.Delete(law, i, i+1)
			},
			"match": func(t *rapid.T) {
				name := strings.Join(rapid.SliceOfN(literal, 1, 4).Draw(t, "name"), ".")
				plain, queues := law.match(name)
				if r := x.Match([]byte(name), scratch); !same(r, plain, queues) {
					t.Fatalf("%s: %s, not plain %v queues %v", name, show(r), plain, queues)
				}
			},
			"sweep": func(t *rapid.T) { // what was asked about stays right, and bounded, also while answers are thrown out
				for i := range CacheLimit + 10 {
					name := fmt.Sprintf("a.s%d", i)
					plain, queues := law.match(name)
					if r := x.Match([]byte(name), nil); !same(r, plain, queues) {
						t.Fatalf("%s: %s, not plain %v queues %v", name, show(r), plain, queues)
					}
				}
			},
			"": func(t *rapid.T) {
				if n := len(x.cache.order); n > CacheLimit || len(x.cache.byName) > n {
					t.Fatalf("%d answers in %d places", len(x.cache.byName), n)
				}
				i := 0
				x.Each(func(filter, queue string, id int) {
					if s := (sub{filter, queue, id}); i >= len(law) || law[i] != s {
						t.Fatalf("Each gives %v as number %d of %v", s, i, law)
					}
					i++
				})
				if i != len(law) || x.Len() != len(law) {
					t.Fatalf("%d of %d subscriptions, Len %d", i, len(law), x.Len())
				}
			},
		})
		for _, s := range law {
			x.Remove(s.filter, s.queue, s.id)
		}
		if !x.root.empty() {
			t.Fatal("branches are left over when all subscriptions are gone")
		}
	})
}

func TestAResultOnceGivenOutStaysAsItWas(t *testing.T) {
	x := New[int]()
	x.Add("a.*", "", 1)
	x.Add("a.b", "q", 2)
	before := x.Match([]byte("a.b"), nil)
	x.Remove("a.*", "", 1)
	x.Add("a.>", "q", 3)
	after := x.Match([]byte("a.b"), nil)
	if got, want := show(before), "plain [1] queues [{q [2]}]"; got != want {
		t.Errorf("before: %s, not %s", got, want)
	}
	if got, want := show(after), "plain [] queues [{q [2 3]}]"; got != want {
		t.Errorf("after: %s, not %s", got, want)
	}
}

func TestABadFilterIsNotAdded(t *testing.T) {
	x := New[int]()
	for _, f := range []string{"", "a..b", "a.>.b", "a b", "."} {
		if x.Add(f, "", 1) || x.Remove(f, "", 1) {
			t.Errorf("%q was taken", f)
		}
	}
	if x.Len() != 0 || x.Gen() != 1 {
		t.Errorf("%d subscriptions, generation %d", x.Len(), x.Gen())
	}
}

func TestTheCacheStaysBoundedAndKeepsTheNewest(t *testing.T) {
	x := New[int]()
	x.Add("s.*", "", 1)
	for i := range 10 * CacheLimit {
		if i%3 == 0 { // dropped answers must not fill it either
			x.Add("s.0", "", i)
			x.Remove("s.0", "", i)
		}
		x.Match(fmt.Appendf(nil, "s.%d", i%5000), nil)
		if len(x.cache.order) > CacheLimit || len(x.cache.byName) > len(x.cache.order) {
			t.Fatalf("%d answers in %d places", len(x.cache.byName), len(x.cache.order))
		}
	}
	newest := fmt.Appendf(nil, "s.%d", (10*CacheLimit-1)%5000)
	if x.cache.get(newest) == nil {
		t.Error("the newest answer is gone")
	}
}

func TestInboxSubjectsNeverEnterTheCache(t *testing.T) {
	x := New[int]()
	x.Add("_INBOX.c1.*", "", 1)
	x.Add(">", "", 2)
	scratch := &Result[int]{}
	for i := range 100 {
		if r := x.Match(fmt.Appendf(nil, "_INBOX.c1.%d", i), scratch); len(r.Plain) != 2 {
			t.Fatalf("inbox %d: %s", i, show(r))
		}
	}
	if n := len(x.cache.byName); n != 0 {
		t.Errorf("%d answers in the cache", n)
	}
}

func TestMatchAllocatesNothingOnAHitAndForAnInbox(t *testing.T) {
	x := New[int]()
	for i := range 100 {
		x.Add("orders.*", "", i)
		x.Add("_INBOX.c1.*", []string{"", "q"}[i%2], i)
	}
	for _, name := range []string{"orders.new", "_INBOX.c1.77"} {
		subject, scratch := []byte(name), &Result[int]{}
		x.Match(subject, scratch)
		if n := testing.AllocsPerRun(100, func() { x.Match(subject, scratch) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("a.*", "a.b")
	f.Add(">", "")
	f.Add("a.>", "a..b")
	f.Fuzz(func(t *testing.T, filter, name string) {
		x := New[int]()
		added := x.Add(filter, "", 1)
		got := len(x.Match([]byte(name), nil).Plain) == 1
		whole := !slices.Contains(strings.Split(name, "."), "")
		if want := added && whole && subject.Match(filter, name); got != want {
			t.Errorf("%q and %q: %v", filter, name, got)
		}
		if x.Remove(filter, "", 1) != added || !x.root.empty() {
			t.Errorf("%q does not go away", filter)
		}
	})
}

func BenchmarkMatchHit(b *testing.B) {
	x := New[int]()
	for i := range 1000 {
		x.Add(fmt.Sprintf("orders.%d.*", i), "", i)
	}
	subject := []byte("orders.500.new")
	b.ReportAllocs()
	for b.Loop() {
		x.Match(subject, nil)
	}
}

func BenchmarkMatchInbox(b *testing.B) {
	x, scratch := New[int](), &Result[int]{}
	for i := range 1000 {
		x.Add(fmt.Sprintf("_INBOX.c%d.*", i), "", i)
	}
	subject := []byte("_INBOX.c500.17")
	b.ReportAllocs()
	for b.Loop() {
		x.Match(subject, scratch)
	}
}

func BenchmarkMatchMiss(b *testing.B) {
	x := New[int]()
	for i := range 1000 {
		x.Add(fmt.Sprintf("orders.%d.*", i), "", i)
	}
	subject := []byte("orders.500.new")
	b.ReportAllocs()
	for b.Loop() {
		x.Match(subject, nil)
		x.cache.drop("orders.500.new")
	}
}

func BenchmarkAddRemove(b *testing.B) {
	x := New[int]()
	for i := range 10000 {
		x.Add("orders.new", "", i)
	}
	b.ReportAllocs()
	for b.Loop() {
		x.Remove("orders.new", "", 5000)
		x.Add("orders.new", "", 5000)
	}
}
