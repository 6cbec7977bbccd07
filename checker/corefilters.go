package checker

import "github.com/brokerlab/brokerlab/model/subject"

// filters numbers filters, and knows which of them name a subject. Each pair of a subject and a filter that
// could name it is compared once: literal filters are looked up, the others are sorted by their first token.
type filters struct {
	names   intern
	literal map[string]int32
	first   map[string][]int32 // filters with wildcards, by first token; those that begin with one under ""
	known   []matches          // by subject
}

// matches is what is known of one subject: the filters that name it, among those looked at.
type matches struct {
	of       []int32
	wild     int // how many of first[""] were looked at
	token    int // how many of those with its first token
	literals bool
}

func newFilters() filters {
	return filters{names: newIntern(16), literal: map[string]int32{}, first: map[string][]int32{}}
}

func (f *filters) of(text string) int32 {
	n := len(f.names.names)
	id := f.names.of(text)
	if int(id) < n {
		return id
	}
	if subject.IsLiteral(text) {
		f.literal[text] = id
		return id
	}
	token, _, _ := subject.Cut(text)
	if token == string(subject.Single) || token == string(subject.Rest) {
		token = ""
	}
	f.first[token] = append(f.first[token], id)
	return id
}

// matching returns the filters that name a subject, given by number and text. The slice is the index's own.
func (f *filters) matching(id int32, text string) []int32 {
	for len(f.known) <= int(id) {
		f.known = append(f.known, matches{})
	}
	m := &f.known[id]
	if !m.literals {
		if l, ok := f.literal[text]; ok {
			m.of, m.literals = append(m.of, l), true
		}
	}
	token, _, _ := subject.Cut(text)
	m.of = f.look(m.of, f.first[""][m.wild:], text)
	m.of = f.look(m.of, f.first[token][m.token:], text)
	m.wild, m.token = len(f.first[""]), len(f.first[token])
	return m.of
}

func (f *filters) look(into, among []int32, text string) []int32 {
	for _, id := range among {
		if subject.Match(f.names.names[id], text) {
			into = append(into, id)
		}
	}
	return into
}

// match tells whether filter id names a subject.
func (f *filters) match(id int32, text string) bool { return subject.Match(f.names.names[id], text) }
