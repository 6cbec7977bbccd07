package faults

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a word of a line and the column it starts in.
type token struct {
	text   string
	column int
}

// scanner walks over the words of one line and keeps the first rule broken.
type scanner struct {
	tokens []token
	length int
	next   int
	rule   string
	where  int
}

// scan cuts a line into words; parentheses are words of their own, a word that begins with
// # begins a comment.
func scan(line string) *scanner {
	s := &scanner{length: len(line)}
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRuneInString(line[i:])
		switch {
		case unicode.IsSpace(r):
			i += size
			continue
		case r == '#':
			s.length = i
			return s
		case r == '(' || r == ')':
			s.tokens = append(s.tokens, token{line[i : i+1], i + 1})
			i++
			continue
		}
		end := i
		for end < len(line) {
			r, size := utf8.DecodeRuneInString(line[end:])
			if unicode.IsSpace(r) || r == '(' || r == ')' {
				break
			}
			end += size
		}
		s.tokens = append(s.tokens, token{line[i:end], i + 1})
		i = end
	}
	return s
}

func (s *scanner) end() bool { return s.next >= len(s.tokens) }

// peek is the next word, or "" at the end.
func (s *scanner) peek() string {
	if s.end() {
		return ""
	}
	return s.tokens[s.next].text
}

// take returns the next word and moves on.
func (s *scanner) take() string {
	text := s.peek()
	s.next++
	return text
}

// accept takes the next word if it is the one given.
func (s *scanner) accept(word string) bool {
	if s.end() || s.peek() != word {
		return false
	}
	s.next++
	return true
}

// column is where the next word starts, or the line ends.
func (s *scanner) column() int {
	if s.end() {
		return s.length + 1
	}
	return s.tokens[s.next].column
}

// wrong records a broken rule at the next word, unless one was recorded before.
func (s *scanner) wrong(format string, args ...any) {
	if s.rule == "" {
		s.rule, s.where = fmt.Sprintf(format, args...), s.column()
	}
}

// found describes the next word in messages.
func (s *scanner) found() string {
	if s.end() {
		return "the end of the line"
	}
	return strconv.Quote(s.peek())
}

const wantHeader = `a plan begins with the line "` + Header + `"`

// header says that the line is the header.
func (s *scanner) header() bool {
	return len(s.tokens) == 2 && s.tokens[0].text+" "+s.tokens[1].text == Header
}

// duration takes a duration.
func (s *scanner) duration(what string) int64 {
	if s.end() {
		s.wrong("want %s, found the end of the line", what)
		return 0
	}
	v, err := ParseDuration(s.peek())
	if err != nil {
		s.wrong("%s is no %s: %v", s.found(), strings.TrimPrefix(what, "a "), err)
	}
	s.next++
	return v
}
