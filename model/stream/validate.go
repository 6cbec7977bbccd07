package stream

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/subject"
)

// InvalidError lists every rule that a configuration breaks, in the words of nats-server where it has the rule.
type InvalidError struct{ Rules []string }

func (e *InvalidError) Error() string { return strings.Join(e.Rules, "; ") }

// rules gathers what is broken.
type rules []string

func (r *rules) add(broken bool, format string, args ...any) {
	if broken {
		*r = append(*r, fmt.Sprintf(format, args...))
	}
}

func (r rules) err() error {
	if r == nil {
		return nil
	}
	return &InvalidError{r}
}

const (
	maxName        = 255
	maxDescription = 4 << 10
	maxMetadata    = 128 << 10
	// MaxReplicas is how many replicas a stream may have.
	MaxReplicas = 5
)

// Validate returns an *InvalidError listing every broken rule, or nil. It expects defaults filled in. The rules
// are those of nats-server's checkStreamCfg (server/stream.go), and that nothing is asked for that is not served.
func (c Config) Validate() error {
	var r rules
	r.add(!validName(c.Name), `stream name is required and can not contain '.', '*', '>', '\', '/'`)
	r.add(len(c.Name) > maxName, "stream name is too long, maximum allowed is %d", maxName)
	r.add(len(c.Description) > maxDescription, "stream description is too long, maximum allowed is %d", maxDescription)
	metadata := 0
	for k, v := range c.Metadata { // map order: a sum
		metadata += len(k) + len(v)
	}
	r.add(metadata > maxMetadata, "stream metadata exceeds maximum size of %d bytes", maxMetadata)
	for _, word := range []struct {
		value string
		among []string
		rule  string
	}{
		{c.Retention, []string{Limits, Interest, WorkQueue}, "invalid retention"},
		{c.Discard, []string{DiscardOld, DiscardNew}, "invalid discard policy"},
		{c.Compression, []string{NoCompression, S2}, "invalid compression"},
		{c.Storage, []string{File, Memory}, "invalid storage type"},
	} {
		r.add(!slices.Contains(word.among, word.value), "%s %q", word.rule, word.value)
	}
	r.add(c.Replicas > MaxReplicas, "maximum replicas is %d", MaxReplicas)
	r.add(c.Replicas < 0, "replicas count cannot be negative")
	c.checkTimes(&r)
	r.add(c.DenyPurge && c.AllowRollup, "roll-ups require the purge permission")
	if c.DiscardNewPer {
		r.add(c.Discard != DiscardNew, "discard new per subject requires discard new policy to be set")
		r.add(c.MaxMsgsPer <= 0, "discard new per subject requires max msgs per subject > 0")
	}
	r.add(c.MirrorDir, "stream has no mirror but does have mirror direct")
	c.checkSubjects(&r)
	c.each(func(name string, value *json.RawMessage) {
		r.add(!AsksNothing(*value), "%s is not served by this broker yet", name)
	})
	return r.err()
}

func (c *Config) checkTimes(r *rules) {
	r.add(c.MaxAge < 0, "max age can not be negative")
	if c.MaxAge > 0 && c.MaxAge < shortestWindow {
		r.add(true, "max age needs to be >= 100ms")
		return // the window, too, is too short then
	}
	r.add(c.Duplicates < 0, "duplicates window can not be negative")
	r.add(c.MaxAge > 0 && c.Duplicates > c.MaxAge, "duplicates window can not be larger then max age")
	r.add(c.Duplicates > 0 && c.Duplicates < shortestWindow, "duplicates window needs to be >= 100ms")
}

// checkSubjects: a stream that took in the API's own subjects and acknowledged what it stores would answer requests.
func (c *Config) checkSubjects(r *rules) {
	for i, s := range c.Subjects {
		if !subject.ValidFilter(s) {
			r.add(true, "invalid subject %q", s)
			continue
		}
		r.add(s == ">" && !c.NoAck, "capturing all subjects requires no-ack to be true")
		r.add(s == ">" && c.Replicas != 1, "capturing all subjects requires replicas of 1")
		if !c.NoAck {
			for _, space := range []string{"$JS.>", "$JSC.>", "$NRG.>", "$BL.>"} {
				r.add(subject.Overlap(s, space) && !subject.Subset(s, "$JS.EVENT.>") && s != ">",
					"subjects that overlap with jetstream api require no-ack to be true")
			}
			r.add(subject.Overlap(s, "$SYS.>") && !subject.Subset(s, "$SYS.ACCOUNT.>") && s != ">",
				"subjects that overlap with system api require no-ack to be true")
		}
		for _, t := range c.Subjects[:i] {
			r.add(subject.ValidFilter(t) && subject.Overlap(s, t), "subject %q overlaps with %q", t, s)
		}
	}
}

// Update is the configuration that a stream has after a request to change it from old to c, defaults filled in in both;
// an *InvalidError lists what may not be changed (nats-server's configUpdateCheck). The number of replicas is
// for the caller to judge.
func (c Config) Update(old Config) (Config, error) {
	if err := c.Validate(); err != nil {
		return c, err
	}
	const refused = "stream configuration update can not "
	var r rules
	r.add(c.Name != old.Name, "stream configuration name must match original")
	r.add(c.Storage != old.Storage, refused+"change storage type")
	r.add(c.Retention != old.Retention && (c.Retention == WorkQueue || old.Retention == WorkQueue), refused+"change retention policy to/from workqueue")
	r.add(old.Sealed && !c.Sealed, refused+"unseal a sealed stream")
	r.add(old.DenyDelete && !c.DenyDelete, refused+"cancel deny message deletes")
	r.add(old.DenyPurge && !c.DenyPurge, refused+"cancel deny purge")
	r.add(old.AllowMsgTTL && !c.AllowMsgTTL, "message TTL status can not be disabled")
	if c.Sealed {
		c.MaxAge, c.Discard, c.DenyDelete, c.DenyPurge, c.AllowRollup = 0, DiscardNew, true, true, false
	}
	return c, r.err()
}

func validName(name string) bool {
	return name != "" && !strings.ContainsAny(name, " .*>/\\\t\r\n\f\x00")
}
