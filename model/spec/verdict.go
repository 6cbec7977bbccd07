package spec

import "fmt"

// Verdict is what a judge says of one guarantee over one history.
type Verdict uint8

const (
	// NotExercised: the history holds nothing that could have broken the guarantee.
	NotExercised Verdict = iota + 1
	// Holds: it could have been broken, and was not.
	Holds
	// Unknown: the history does not say enough (it was cut short, or a search gave up).
	// Unknown is not a pass.
	Unknown
	// Violated: it was broken, and there is a certificate.
	Violated
)

var verdictNames = [...]string{"?", "not exercised", "holds", "unknown", "violated"}

// String is the verdict's name in reports.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return verdictNames[0]
}

// MarshalText writes the name.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (v *Verdict) UnmarshalText(text []byte) error {
	for i, name := range verdictNames {
		if i > 0 && name == string(text) {
			*v = Verdict(i)
			return nil
		}
	}
	return fmt.Errorf("verdict %q is none of holds, violated, not exercised, unknown", text)
}

// Worse returns the verdict that decides when both were given to parts of one whole:
// violated, then unknown, then holds; not exercised only if neither part was.
func (v Verdict) Worse(w Verdict) Verdict { return max(v, w) }
