//go:build !race

package alike

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A script is what a program does with nats.go, and notes down: the same on both servers.
type script func(ctx context.Context, js jetstream.JetStream, note func(string, ...any))

func (b both) sameNotes(t *testing.T, run script) {
	t.Helper()
	var notes [2]string
	for i, nc := range []*nats.Conn{b.ours, b.theirs} {
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		run(ctx, js, func(format string, args ...any) { notes[i] += fmt.Sprintf(format, args...) + "\n" })
		cancel()
	}
	if notes[0] != notes[1] {
		ours, theirs := strings.Split(notes[0], "\n"), strings.Split(notes[1], "\n")
		for i := range max(len(ours), len(theirs)) {
			if i >= len(ours) || i >= len(theirs) || ours[i] != theirs[i] {
				t.Errorf("note %d differs:\n  brokerlab:   %q\n  nats-server: %q", i+1, ours[min(i, len(ours)):min(i+1, len(ours))], theirs[min(i, len(theirs)):min(i+1, len(theirs))])
				return
			}
		}
	}
	if len(notes[0]) == 0 {
		t.Error("nothing was noted")
	}
}

// said is an error as a program tells it from others.
func said(err error) string {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return fmt.Sprint(api.Code, " ", api.ErrorCode, " ", api.Description)
	}
	return fmt.Sprint(err)
}

func TestKeysAndValuesAreKeptAlike(t *testing.T) {
	start(t).sameNotes(t, func(ctx context.Context, js jetstream.JetStream, note func(string, ...any)) {
		kv, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "cities", History: 3, Description: "of some"})
		note("create: %s", said(err))
		if err != nil {
			return
		}
		get := func(key string) {
			e, err := kv.Get(ctx, key)
			if err != nil {
				note("get %s: %s", key, said(err))
				return
			}
			note("get %s: %q revision %d %s", key, e.Value(), e.Revision(), e.Operation())
		}
		put := func(key, value string) {
			rev, err := kv.PutString(ctx, key, value)
			note("put %s: %d %s", key, rev, said(err))
		}
		put("berlin", "3.6")
		put("paris", "2.1")
		get("berlin")
		get("rome")
		rev, err := kv.Create(ctx, "rome", []byte("2.8"))
		note("create: %d %s", rev, said(err))
		rev, err = kv.Create(ctx, "rome", []byte("again"))
		note("create: %d %s", rev, said(err))
		rev, err = kv.Update(ctx, "rome", []byte("2.9"), 3)
		note("update: %d %s", rev, said(err))
		rev, err = kv.Update(ctx, "rome", []byte("3.0"), 3)
		note("update: %d %s", rev, said(err))
		e, err := kv.GetRevision(ctx, "rome", 3)
		note("revision: %v %s", e != nil && string(e.Value()) == "2.8", said(err))
		_, err = kv.GetRevision(ctx, "rome", 1)
		note("revision of another key: %s", said(err))
		note("delete: %s", said(kv.Delete(ctx, "rome")))
		get("rome")
		note("delete what is gone: %s", said(kv.Delete(ctx, "rome", jetstream.LastRevision(1))))
		rev, err = kv.Create(ctx, "rome", []byte("new"))
		note("create: %d %s", rev, said(err))
		for i := range 5 {
			put("paris", fmt.Sprint(i))
		}
		note("purge: %s", said(kv.Purge(ctx, "paris")))
		get("paris")
		status, err := kv.Status(ctx)
		note("status: %s %d %d %s", status.Bucket(), status.Values(), status.History(), said(err))
		_, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "cities", History: 5})
		note("create: %s", said(err))
		kv, err = js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "cities", History: 1})
		note("update: %s", said(err))
		status, err = kv.Status(ctx)
		note("status: %d %d %s", status.Values(), status.History(), said(err))
		for name := range js.KeyValueStoreNames(ctx).Name() {
			note("store %s", name)
		}
		note("delete: %s", said(js.DeleteKeyValue(ctx, "cities")))
		_, err = js.KeyValue(ctx, "cities")
		note("gone: %s", said(err))
	})
}

func TestStreamsAreWorkedWithAlike(t *testing.T) {
	start(t).sameNotes(t, func(ctx context.Context, js jetstream.JetStream, note func(string, ...any)) {
		cfg := jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}, AllowRollup: true, AllowDirect: true, MaxMsgsPerSubject: 10}
		s, err := js.CreateOrUpdateStream(ctx, cfg)
		note("create: %s", said(err))
		if err != nil {
			return
		}
		publish := func(subject string, opts ...jetstream.PublishOpt) {
			ack, err := js.Publish(ctx, subject, []byte("data"), opts...)
			if err != nil {
				note("publish: %s", said(err))
				return
			}
			note("publish: %s %d %t", ack.Stream, ack.Sequence, ack.Duplicate)
		}
		publish("s.a")
		publish("s.a", jetstream.WithMsgID("one"))
		publish("s.a", jetstream.WithMsgID("one"))
		publish("s.b", jetstream.WithExpectStream("S"))
		publish("s.b", jetstream.WithExpectStream("T"))
		publish("s.b", jetstream.WithExpectLastSequence(3))
		publish("s.b", jetstream.WithExpectLastSequence(3))
		publish("s.a", jetstream.WithExpectLastSequencePerSubject(2))
		publish("s.a", jetstream.WithExpectLastSequencePerSubject(2))
		publish("s.c", jetstream.WithExpectLastSequenceForSubject(5, "s.a"))
		publish("s.c", jetstream.WithExpectLastSequenceForSubject(5, "s.>"))
		publish("s.c", jetstream.WithMsgID("two"))
		publish("s.c", jetstream.WithExpectLastMsgID("two"))
		publish("s.c", jetstream.WithExpectLastMsgID("two"))
		publish("other.subject", jetstream.WithRetryAttempts(0))
		for range 3 {
			publish("s.d")
		}
		read := func(m *jetstream.RawStreamMsg, err error) {
			if err != nil {
				note("read: %s", said(err))
				return
			}
			note("read: %d %s %q %s", m.Sequence, m.Subject, m.Data, m.Header.Get("Nats-Msg-Id"))
		}
		for _, direct := range []bool{true, false} {
			cfg.AllowDirect = direct
			s, err = js.UpdateStream(ctx, cfg)
			note("update: %s", said(err))
			read(s.GetMsg(ctx, 2))
			read(s.GetMsg(ctx, 99))
			read(s.GetLastMsgForSubject(ctx, "s.a"))
			read(s.GetLastMsgForSubject(ctx, "s.*"))
			read(s.GetLastMsgForSubject(ctx, "s.nothing"))
			read(s.GetMsg(ctx, 3, jetstream.WithGetMsgSubject("s.d")))
		}
		note("delete: %s", said(s.DeleteMsg(ctx, 2)))
		note("delete: %s", said(s.DeleteMsg(ctx, 2)))
		note("delete: %s", said(s.SecureDeleteMsg(ctx, 3)))
		note("purge: %s", said(s.Purge(ctx, jetstream.WithPurgeSubject("s.d"), jetstream.WithPurgeKeep(1))))
		note("purge: %s", said(s.Purge(ctx, jetstream.WithPurgeSequence(5))))
		info, err := s.Info(ctx, jetstream.WithDeletedDetails(true), jetstream.WithSubjectFilter("s.>"))
		note("info: %s", said(err))
		st := info.State
		note("state: %d messages %d to %d, %d subjects %v, %d deleted %v", st.Msgs, st.FirstSeq, st.LastSeq, st.NumSubjects, st.Subjects, st.NumDeleted, st.Deleted)
		note("times: %t", time.Since(st.FirstTime) < patience && st.LastTime.After(st.FirstTime))
		for info := range js.ListStreams(ctx).Info() {
			note("stream %s of %d", info.Config.Name, info.State.Msgs)
		}
		for name := range js.StreamNames(ctx, jetstream.WithStreamListSubject("s.x")).Name() {
			note("stream %s", name)
		}
		name, err := js.StreamNameBySubject(ctx, "s.y")
		note("name: %s %s", name, said(err))
		info2, err := js.AccountInfo(ctx)
		note("account: %d streams, %d consumers, some storage %t %s", info2.Streams, info2.Consumers, info2.Store > 0, said(err))
		note("delete: %s", said(js.DeleteStream(ctx, "S")))
		_, err = js.Stream(ctx, "S")
		note("gone: %s", said(err))
	})
}
