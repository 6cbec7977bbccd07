//go:build !race

package alike

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Calls drawn from a seed. Left out, because nats-server answers otherwise and neither is wrong: max_bytes (it counts its
// records' overhead); an id together with expectations (without a cluster it holds the expectations first).
type drawn struct{ *rand.Rand }

func (d drawn) oneOf(words ...string) string { return words[d.IntN(len(words))] }

func (d drawn) config(name string) string {
	discard := d.oneOf(`"old"`, `"new"`)
	per, more := d.IntN(4), ""
	if discard == `"new"` && per > 0 && d.IntN(2) == 0 {
		more = `,"discard_new_per_subject":true`
	}
	return fmt.Sprintf(`{"name":%q,"subjects":["%s.>"],"allow_rollup_hdrs":true,"allow_direct":true,"max_msgs":%d,"max_msgs_per_subject":%d,"max_msg_size":%d,"discard":%s%s}`,
		name, strings.ToLower(name), d.IntN(2)*d.IntN(9), per, 60+d.IntN(60), discard, more)
}

func (d drawn) publish(stream string) string {
	subject := func() string { return strings.ToLower(stream) + "." + d.oneOf("a", "b", "c.d", "c.e") }
	call := subject()
	switch d.IntN(9) {
	case 0, 1:
		call += fmt.Sprint(" Nats-Msg-Id:id", d.IntN(30))
	case 2:
		call += fmt.Sprint(" Nats-Expected-Last-Sequence:", d.IntN(60))
	case 3:
		call += fmt.Sprint(" Nats-Expected-Last-Subject-Sequence:", d.IntN(2)*d.IntN(60))
	case 4:
		call += fmt.Sprint(" Nats-Expected-Last-Subject-Sequence:", d.IntN(60), " Nats-Expected-Last-Subject-Sequence-Subject:", d.oneOf(subject(), strings.ToLower(stream)+".>"))
	case 5:
		call += fmt.Sprint(" Nats-Expected-Last-Msg-Id:id", d.IntN(30))
	case 6:
		call += " Nats-Rollup:" + d.oneOf("sub", "sub", "all")
	}
	return call + " | " + strings.Repeat("x", 1+d.IntN(70))
}

func (d drawn) call(stream string) call {
	filter := strings.ToLower(stream) + "." + d.oneOf("a", "b", "*", ">", "c.*")
	seq := d.IntN(60)
	switch d.IntN(16) {
	case 0:
		return call(fmt.Sprintf(`STREAM.PURGE.%s | {"filter":%q,"keep":%d}`, stream, filter, d.IntN(3)))
	case 1:
		return call(fmt.Sprintf(`STREAM.PURGE.%s | {"filter":%q,"seq":%d}`, stream, filter, seq))
	case 2:
		return call(fmt.Sprintf(`STREAM.MSG.DELETE.%s | {"seq":%d}`, stream, seq))
	case 3:
		return call(fmt.Sprintf(`STREAM.UPDATE.%s | %s`, stream, d.config(stream)))
	case 4:
		return call(fmt.Sprintf(`%s.%s | {"next_by_subj":%q,"seq":%d}`, d.oneOf("STREAM.MSG.GET", "DIRECT.GET"), stream, filter, seq))
	case 5:
		return call(fmt.Sprintf(`%s.%s | {"last_by_subj":%q}`, d.oneOf("STREAM.MSG.GET", "DIRECT.GET"), stream, filter))
	case 6:
		return call(fmt.Sprintf(`DIRECT.GET.%s | {"seq":%d,"next_by_subj":%q,"batch":%d}`, stream, seq, filter, 1+d.IntN(5)))
	case 7:
		return call(fmt.Sprintf(`DIRECT.GET.%s | {"multi_last":[%q,%q]}`, stream, filter, strings.ToLower(stream)+".b"))
	}
	return call(d.publish(stream))
}

func TestWhateverIsCalledIsAnsweredAlike(t *testing.T) {
	b := start(t)
	for seed := range uint64(12) {
		d := drawn{rand.New(rand.NewPCG(seed, 2))}
		name := fmt.Sprintf("S%d", seed)
		calls := []call{call("STREAM.CREATE." + name + " | " + d.config(name))}
		for range 100 {
			calls = append(calls, d.call(name))
		}
		calls = append(calls, call("STREAM.INFO."+name+` | {"deleted_details":true,"subjects_filter":">"}`))
		b.same(t, calls...)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
