package subject

// Text is what a subject may be held in.
type Text interface{ ~string | ~[]byte }

// Separator joins tokens; Single and Rest are the wildcard tokens.
const (
	Separator = '.'
	Single    = '*'
	Rest      = '>'
)

// Valid says whether s can be published to: at least one token, none empty, no white
// space, no wildcard.
func Valid[S Text](s S) bool { return check(s, false) }

// ValidFilter says whether s can be subscribed to: as Valid, wildcards allowed, ">" only at
// the end.
func ValidFilter[S Text](s S) bool { return check(s, true) }

func check[S Text](s S, wildcards bool) bool {
	n := len(s)
	start := 0
	for i := 0; i <= n; i++ {
		if i < n {
			switch s[i] {
			case ' ', '\t', '\n', '\r', '\f':
				return false
			case Separator:
			default:
				continue
			}
		}
		if i == start {
			return false
		}
		if i == start+1 && (s[start] == Single || s[start] == Rest) {
			if !wildcards || s[start] == Rest && i < n {
				return false
			}
		}
		start = i + 1
	}
	return true
}

// IsLiteral says whether s has no wildcard token: a filter that is literal names one subject.
func IsLiteral[S Text](s S) bool {
	n := len(s)
	for i := 0; i < n; i++ {
		if c := s[i]; c != Single && c != Rest {
			continue
		}
		if (i == 0 || s[i-1] == Separator) && (i == n-1 || s[i+1] == Separator) {
			return false
		}
	}
	return true
}

// Match says whether filter names the literal subject.
func Match[F, S Text](filter F, subject S) bool {
	fi, si := 0, 0
	for {
		fe, se := tokenEnd(filter, fi), tokenEnd(subject, si)
		switch {
		case wild(filter, fi, fe, Rest):
			return true
		case wild(filter, fi, fe, Single):
		case !equal(filter, fi, fe, subject, si, se):
			return false
		}
		if fe == len(filter) || se == len(subject) {
			return fe == len(filter) && se == len(subject)
		}
		fi, si = fe+1, se+1
	}
}

// Overlap says whether some literal subject is named by both filters.
func Overlap[A, B Text](a A, b B) bool {
	ai, bi := 0, 0
	for {
		ae, be := tokenEnd(a, ai), tokenEnd(b, bi)
		switch {
		case wild(a, ai, ae, Rest) || wild(b, bi, be, Rest):
			return true
		case wild(a, ai, ae, Single) || wild(b, bi, be, Single):
		case !equal(a, ai, ae, b, bi, be):
			return false
		}
		if ae == len(a) || be == len(b) {
			return ae == len(a) && be == len(b)
		}
		ai, bi = ae+1, be+1
	}
}

// Subset says whether every literal subject named by inner is named by outer too.
func Subset[A, B Text](inner A, outer B) bool {
	ii, oi := 0, 0
	for {
		ie, oe := tokenEnd(inner, ii), tokenEnd(outer, oi)
		switch {
		case wild(outer, oi, oe, Rest):
			return true
		case wild(inner, ii, ie, Rest):
			return false
		case wild(outer, oi, oe, Single):
		case wild(inner, ii, ie, Single), !equal(inner, ii, ie, outer, oi, oe):
			return false
		}
		if ie == len(inner) || oe == len(outer) {
			return ie == len(inner) && oe == len(outer)
		}
		ii, oi = ie+1, oe+1
	}
}

func wild[S Text](s S, from, to int, c byte) bool { return to == from+1 && s[from] == c }

func equal[A, B Text](a A, ai, ae int, b B, bi, be int) bool {
	if ae-ai != be-bi {
		return false
	}
	for ai < ae {
		if a[ai] != b[bi] {
			return false
		}
		ai++
		bi++
	}
	return true
}

func tokenEnd[S Text](s S, from int) int {
	for from < len(s) && s[from] != Separator {
		from++
	}
	return from
}
