package faults

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ParseError is one place where a text is no plan. Line and Column count from 1, columns in bytes.
type ParseError struct {
	Line, Column int
	Rule         string
}

func (e ParseError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Rule)
}

// ParseErrors is every line of a text that is wrong, in order, each with its first fault.
type ParseErrors []ParseError

func (es ParseErrors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Parse reads a plan. The error, if any, is a ParseErrors. Whether nodes and streams
// exist is Validate's to say.
func Parse(text string) (Plan, error) {
	var p Plan
	var errs ParseErrors
	headed := false
	for i, line := range strings.Split(text, "\n") {
		s := scan(strings.TrimSuffix(line, "\r"))
		if s.end() {
			continue
		}
		if !headed {
			headed = true
			if s.header() {
				continue
			}
			errs = append(errs, ParseError{i + 1, s.column(), wantHeader})
			if s.peek() == "plan" {
				continue
			}
		}
		var f Fault
		if f.parse(s); s.rule != "" {
			errs = append(errs, ParseError{i + 1, s.where, s.rule})
			continue
		}
		p.Faults = append(p.Faults, f)
	}
	if !headed {
		errs = append(errs, ParseError{1, 1, wantHeader})
	}
	if errs != nil {
		return Plan{}, errs
	}
	return p, nil
}

// parse reads one fault.
func (f *Fault) parse(s *scanner) {
	if !s.accept("at") {
		s.wrong("a fault begins with \"at TIME\", found %s", s.found())
		return
	}
	f.At = s.duration("a time")
	kind, ok := ParseKind(s.peek())
	if s.rule == "" && !ok {
		s.wrong("unknown fault %s; faults are %s", s.found(), verbs())
	}
	if s.rule != "" {
		return
	}
	f.Kind = kind
	s.take()
	f.parseTargets(s)
	f.parseArguments(s)
}

func verbs() string {
	var out []string
	for _, k := range Kinds() {
		out = append(out, k.String())
	}
	return strings.Join(out, ", ")
}

// parseTargets reads as many targets as the kind has.
func (f *Fault) parseTargets(s *scanner) {
	g := &forms[f.Kind]
	if g.shape == noTarget {
		return
	}
	f.Targets = append(f.Targets, s.target(g))
	sep := separators[min(int(g.shape), len(separators)-1)]
	for g.shape >= oneWay && s.rule == "" {
		if len(f.Targets) >= 2 && (g.shape != groups || s.peek() != sep) {
			return
		}
		if !s.accept(sep) {
			s.wrong("%s wants %q between its targets, found %s", g.verb, sep, s.found())
			return
		}
		f.Targets = append(f.Targets, s.target(g))
	}
}

// target reads one or more terms.
func (s *scanner) target(g *form) Target {
	var t Target
	for s.rule == "" {
		if s.peek() == "clients" && !g.clients {
			s.wrong("%s cannot strike clients", g.verb)
			break
		}
		x, ok := s.term()
		if !ok {
			break
		}
		t = append(t, x)
	}
	if len(t) == 0 {
		s.wrong("want a target (n1, all, clients, others, leader of S, follower 1 of S, followers of S, members of S, majority of S, minority of S), found %s", s.found())
	}
	return t
}

// term reads one term, if one comes next.
func (s *scanner) term() (x Term, ok bool) {
	word := s.peek()
	id, isNode := parseNode(word)
	switch word {
	case "all":
		x.Who = All
	case "clients":
		x.Who = Clients
	case "others":
		x.Who = Others
	default:
		if x.Who = roleOf(word); isNode {
			x.Who, x.Node = OneNode, id
		}
	}
	if x.Who == 0 {
		return x, false
	}
	s.next++
	if x.Who > Others {
		s.role(&x)
	}
	if s.peek() == "(" {
		s.resolved(&x)
	}
	return x, true
}

// role reads what follows the word of a role.
func (s *scanner) role(x *Term) {
	if x.Who == Follower {
		n, err := strconv.Atoi(s.peek())
		if err != nil || n < 1 || s.peek() != strconv.Itoa(n) {
			s.wrong("want the follower's number, from 1, as in \"follower 1 of S\", found %s", s.found())
			return
		}
		x.N = n
		s.next++
	}
	if !s.accept("of") {
		s.wrong("want \"of\" and a stream, found %s", s.found())
		return
	}
	if s.end() || !streamName(s.peek()) {
		s.wrong("want the name of a stream, found %s", s.found())
		return
	}
	x.Stream = s.take()
}

// fileName says that a plan can hold the beginning of a file's name.
func fileName(s string) bool { return streamName(s) }

// streamName says that a plan can hold the name.
func streamName(s string) bool {
	return s != "" && s[0] != '#' && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r == '(' || r == ')' || unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
}

// resolved reads the nodes that a role came to.
func (s *scanner) resolved(x *Term) {
	if !x.Who.Role() {
		s.wrong("only a role is followed by the nodes it resolved to")
		return
	}
	s.next++
	x.Resolved = true
	for !s.accept(")") {
		id, ok := parseNode(s.peek())
		if !ok {
			s.wrong("want a node such as n1, or \")\", found %s", s.found())
			return
		}
		if n := len(x.Nodes); n > 0 && id <= x.Nodes[n-1] {
			s.wrong("the nodes of a role are in rising order, found %s", s.found())
		}
		x.Nodes = append(x.Nodes, id)
		s.next++
	}
}

// parseArguments reads what follows the targets, in any order, each once.
func (f *Fault) parseArguments(s *scanner) {
	g := &forms[f.Kind]
	var seen []string
	for !s.end() && s.rule == "" {
		start := s.next
		what := f.argument(s, g)
		if s.rule == "" && slices.Contains(seen, what) {
			s.next = start
			s.wrong("%s has two of %q", g.verb, what)
		}
		seen = append(seen, what)
	}
	for _, need := range [...]struct {
		is   bool
		what string
		text string
	}{
		{g.amount != noAmount, "amount", amountText[g.amount]},
		{g.lasts, "for", "for DUR"},
		{g.power, "keep", "keep=POLICY"},
		{g.once, "once", "once"},
		{g.files, "in", "in=PREFIX"},
	} {
		if need.is && !slices.Contains(seen, need.what) {
			s.wrong("%s wants %q", g.verb, need.text)
		}
	}
}

var amountText = [...]string{noAmount: "", latency: "+LATENCY", percent: "P%", factor: "xN", step: "+DUR or -DUR", rate: "+Nppm or -Nppm"}

// argument reads one argument and says which it was.
func (f *Fault) argument(s *scanner, g *form) string {
	word := s.peek()
	switch {
	case word == "for" && g.lasts:
		s.next++
		f.For = s.duration("a duration")
		return "for"
	case word == "once" && g.once:
		s.next++
		return "once"
	case word == "tear" && g.power:
		s.next++
		f.Tear = true
		return "tear"
	case strings.HasPrefix(word, "keep=") && g.power:
		f.Keep = Keep(s.oneOf(word[len("keep="):], keepNames, "policy"))
		return "keep"
	case strings.HasPrefix(word, "in=") && g.files:
		if f.In = word[len("in="):]; !fileName(f.In) {
			s.wrong("%s names no files; they are named as in in=wal", s.found())
		}
		s.next++
		return "in"
	case word == "last" && g.files:
		s.next++
		f.Last = true
		return "last"
	case strings.HasPrefix(word, "as=") && g.sync:
		f.Sync = SyncFailure(s.oneOf(word[len("as="):], syncNames, "variant"))
		return "as"
	case g.amount != noAmount && word != "" && strings.ContainsAny(word[:1], "+-x0123456789"):
		v, err := parseAmount(g.amount, word)
		if err != nil {
			s.wrong("%s: %v", s.found(), err)
		}
		f.Amount = v
		s.next++
		return "amount"
	}
	s.wrong("%s does not take %s", g.verb, s.found())
	return ""
}

// oneOf reads one of the names, which start with the empty one; it returns its place.
func (s *scanner) oneOf(word string, names []string, what string) int {
	i := slices.Index(names[1:], word) + 1
	if i == 0 {
		s.wrong("unknown %s %q; there are %s", what, word, strings.Join(names[1:], ", "))
	}
	s.next++
	return i
}
