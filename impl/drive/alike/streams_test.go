//go:build !race

package alike

import (
	"strings"
	"testing"
)

func TestStreamsAreMadeChangedAndRefusedAlike(t *testing.T) {
	b := start(t)
	b.same(t,
		`STREAM.CREATE.S | {"name":"S","subjects":["s.>"]}`,
		`STREAM.CREATE.S | {"name":"S","subjects":["s.>"]}`,
		`STREAM.CREATE.S | {"name":"S","subjects":["other"]}`,
		`STREAM.CREATE.T | {"name":"S"}`,
		`STREAM.CREATE.T | {"name":"T","subjects":["s.a"]}`,
		`STREAM.CREATE.T | {"name":"T","subjects":["t","t"]}`,
		`STREAM.CREATE.T | {"name":"T","subjects":["t.*","t.x"]}`,
		`STREAM.CREATE.T | {"name":"T","subjects":[">"]}`,
		`STREAM.CREATE.T | {"name":"T","subjects":["$JS.API.X"]}`,
		`STREAM.CREATE.T | {"name":"T","subjects":["$SYS.X"]}`,
		`STREAM.CREATE.T | {"name":"T","subjects":["a..b"]}`,
		`STREAM.CREATE.T | {"name":"T","num_replicas":3}`,
		`STREAM.CREATE.T | {"name":"T","num_replicas":6}`,
		`STREAM.CREATE.T | {"name":"T","num_replicas":-1}`,
		`STREAM.CREATE.T | {"name":"T","max_age":-1}`,
		`STREAM.CREATE.T | {"name":"T","max_age":5}`,
		`STREAM.CREATE.T | {"name":"T","duplicate_window":5}`,
		`STREAM.CREATE.T | {"name":"T","duplicate_window":-5}`,
		`STREAM.CREATE.T | {"name":"T","max_age":1000000000,"duplicate_window":2000000000}`,
		`STREAM.CREATE.T | {"name":"T","sealed":true}`,
		`STREAM.CREATE.T | {"name":"T","mirror_direct":true}`,
		`STREAM.CREATE.T | {"name":"T","deny_purge":true,"allow_rollup_hdrs":true}`,
		`STREAM.CREATE.T | {"name":"T","discard_new_per_subject":true,"max_msgs_per_subject":1}`,
		`STREAM.CREATE.T | {"name":"T","discard_new_per_subject":true,"discard":"new"}`,
		`STREAM.CREATE.T | {"name":"T","nonsense":true}`,
		`STREAM.CREATE.T | {"name":"T"`,
		`STREAM.CREATE.T | {"name":"T","subjects":["t"],"max_msgs":5,"max_bytes":1000,"max_age":5000000000,"max_msgs_per_subject":2,"max_msg_size":100,
			"discard":"new","discard_new_per_subject":true,"storage":"memory","no_ack":true,"allow_direct":true,"compression":"s2","first_seq":50,"description":"d","max_consumers":3}`,
		`STREAM.INFO.T | `,
		`STREAM.NAMES | `,
		`STREAM.NAMES | {"subject":"s.x"}`,
		`STREAM.NAMES | {"offset":1}`,
		`STREAM.LIST | `,
		`STREAM.LIST | {"subject":"t"}`,
		`STREAM.LIST | {"offset":7}`,
		`STREAM.UPDATE.S | {"name":"S","subjects":["s.>"]}`,
		`STREAM.UPDATE.S | {"name":"S","subjects":["s.>","u"],"max_msgs":3,"description":"changed"}`,
		`STREAM.INFO.S | `,
		`STREAM.UPDATE.S | {"name":"S","subjects":["t"]}`,
		`STREAM.UPDATE.S | {"name":"S","storage":"memory"}`,
		`STREAM.UPDATE.S | {"name":"S","retention":"workqueue"}`,
		`STREAM.UPDATE.S | {"name":"T"}`,
		`STREAM.UPDATE.NONE | {"name":"NONE"}`,
		`STREAM.UPDATE.S | {"name":"S","subjects":["s.>"],"deny_delete":true,"deny_purge":true}`,
		`STREAM.UPDATE.S | {"name":"S","subjects":["s.>"],"deny_purge":true}`,
		`STREAM.UPDATE.S | {"name":"S","subjects":["s.>"],"deny_delete":true}`,
		`s.x | kept`,
		`STREAM.MSG.DELETE.S | {"seq":1}`,
		`STREAM.PURGE.S | `,
		`STREAM.UPDATE.S | {"name":"S","subjects":["s.>"],"sealed":true,"deny_delete":true,"deny_purge":true,"max_age":1000000000}`,
		`s.x | sealed`,
		`STREAM.MSG.DELETE.S | {"seq":1}`,
		`STREAM.PURGE.S | `,
		`STREAM.UPDATE.S | {"name":"S","subjects":["s.>"],"deny_delete":true,"deny_purge":true,"discard":"new"}`,
		`STREAM.DELETE.S | {"x":1}`,
		`STREAM.DELETE.S | `,
		`STREAM.DELETE.S | `,
		`STREAM.INFO.S | `,
		`STREAM.PURGE.S | `,
		`STREAM.MSG.GET.S | {"seq":1}`,
		`STREAM.MSG.DELETE.S | {"seq":1}`,
		`STREAM.LEADER.STEPDOWN.T | `,
	)
}

func TestPublishesAreStoredAndRefusedAlike(t *testing.T) {
	b := start(t)
	b.same(t,
		`STREAM.CREATE.S | {"name":"S","subjects":["s.>"],"max_msg_size":200}`,
		`s.a | one`,
		`s.b Nats-Expected-Stream:S | two`,
		`s.b Nats-Expected-Stream:T | three`,
		`s.a Nats-Expected-Last-Sequence:2 | three`,
		`s.a Nats-Expected-Last-Sequence:2 | four`,
		`s.a Nats-Expected-Last-Sequence:0 | four`,
		`s.a Nats-Expected-Last-Sequence:x | four`,
		`s.b Nats-Expected-Last-Subject-Sequence:2 | four`,
		`s.b Nats-Expected-Last-Subject-Sequence:2 | five`,
		`s.c Nats-Expected-Last-Subject-Sequence:0 | five`,
		`s.c Nats-Expected-Last-Subject-Sequence:0 | six`,
		`s.d Nats-Expected-Last-Subject-Sequence:7 | six`,
		`s.d Nats-Expected-Last-Subject-Sequence:5 Nats-Expected-Last-Subject-Sequence-Subject:s.c | six`,
		`s.d Nats-Expected-Last-Subject-Sequence:6 Nats-Expected-Last-Subject-Sequence-Subject:s.* | seven`,
		`s.d Nats-Expected-Last-Subject-Sequence:6 Nats-Expected-Last-Subject-Sequence-Subject:s.* | eight`,
		`s.d Nats-Expected-Last-Subject-Sequence-Subject:s.* | eight`,
		`s.a Nats-Msg-Id:m1 | eight`,
		`s.a Nats-Msg-Id:m1 | again`,
		`s.b Nats-Msg-Id:m1 | again, elsewhere`,
		`s.a Nats-Expected-Last-Msg-Id:m1 | nine`,
		`s.a Nats-Expected-Last-Msg-Id:m1 | ten`,
		`s.a Nats-Expected-Last-Msg-Id:m2 Nats-Msg-Id:m3 | ten`,
		`s.a Nats-Msg-Id:m3 | ten`,
		call("s.a | "+strings.Repeat("x", 200)),
		call("s.a | "+strings.Repeat("x", 201)),
		call("s.a Some-Header:"+strings.Repeat("y", 200)+" | short"),
		`s.a Nats-Rollup:sub | not allowed`,
		`STREAM.MSG.GET.S | {"last_by_subj":"s.a"}`,
		`STREAM.PURGE.S | `,
		`s.a Nats-Msg-Id:m3 | purged, but known`,
		`s.a Nats-Expected-Last-Subject-Sequence:0 | first of its subject again`,
		`STREAM.INFO.S | `,
	)
}

func TestLimitsRemoveAndRefuseAlike(t *testing.T) {
	b := start(t)
	b.same(t,
		`STREAM.CREATE.OLD | {"name":"OLD","subjects":["old.>"],"max_msgs":4,"max_msgs_per_subject":2}`,
		`old.a | 1`, `old.a | 2`, `old.a | 3`, `old.b | 4`, `old.c | 5`, `old.d | 6`, `old.d | 7`,
		`STREAM.INFO.OLD | {"deleted_details":true,"subjects_filter":">"}`,
		`STREAM.UPDATE.OLD | {"name":"OLD","subjects":["old.>"],"max_msgs":3,"max_msgs_per_subject":1}`,
		`STREAM.INFO.OLD | {"deleted_details":true,"subjects_filter":"old.*"}`,
		`STREAM.UPDATE.OLD | {"name":"OLD","subjects":["old.>"],"max_msgs":1}`,
		`STREAM.INFO.OLD | {"deleted_details":true}`,
		`STREAM.CREATE.NEW | {"name":"NEW","subjects":["new.>"],"max_msgs":3,"max_msgs_per_subject":2,"discard":"new"}`,
		`new.a | 1`, `new.a | 2`, `new.a | 3`, `new.b | 4`, `new.b | refused`, `new.a | makes room`,
		`STREAM.INFO.NEW | {"deleted_details":true}`,
		`STREAM.MSG.DELETE.NEW | {"seq":3}`,
		`new.b | there is room again`,
		`STREAM.CREATE.PER | {"name":"PER","subjects":["per.>"],"max_msgs_per_subject":1,"discard":"new","discard_new_per_subject":true,"allow_rollup_hdrs":true}`,
		`per.a | 1`, `per.a | refused`, `per.b | 2`, `per.a Nats-Rollup:sub | replaces`,
		`STREAM.INFO.PER | {"deleted_details":true,"subjects_filter":">"}`,
		`STREAM.CREATE.FROM | {"name":"FROM","subjects":["from"],"first_seq":100}`,
		`STREAM.INFO.FROM | `,
		`from Nats-Expected-Last-Sequence:99 | 100`,
		`STREAM.INFO.FROM | `,
		`STREAM.PURGE.FROM | {"seq":200}`,
		`STREAM.INFO.FROM | `,
		`from | 200`,
		`STREAM.CREATE.INTEREST | {"name":"INTEREST","subjects":["interest"],"retention":"interest"}`,
		`interest Nats-Msg-Id:x | nobody`, `interest Nats-Msg-Id:x | nobody`, `interest | nobody`,
		`STREAM.INFO.INTEREST | `,
		`STREAM.CREATE.WORK | {"name":"WORK","subjects":["work"],"retention":"workqueue"}`,
		`work | kept`,
		`STREAM.INFO.WORK | `,
		`STREAM.CREATE.TURN | {"name":"TURN","subjects":["turn"]}`,
		`turn | 1`, `turn | 2`,
		`STREAM.UPDATE.TURN | {"name":"TURN","subjects":["turn"],"retention":"interest"}`,
		`STREAM.INFO.TURN | `,
	)
}

func TestMessagesArePurgedDeletedAndRolledUpAlike(t *testing.T) {
	b := start(t)
	fill := []call{`p.a | 1`, `p.b | 2`, `p.a | 3`, `p.c | 4`, `p.a | 5`, `p.b | 6`}
	b.same(t, `STREAM.CREATE.P | {"name":"P","subjects":["p.>"],"allow_rollup_hdrs":true}`)
	info := call(`STREAM.INFO.P | {"deleted_details":true,"subjects_filter":">"}`)
	b.same(t, fill...)
	b.same(t,
		`STREAM.PURGE.P | {"filter":"p.a","keep":1}`, info,
		`STREAM.PURGE.P | {"filter":"p.*","seq":5}`, info,
		`STREAM.PURGE.P | {"seq":1}`, info,
		`STREAM.PURGE.P | {"seq":6}`, info,
		`STREAM.PURGE.P | {"keep":1}`, info,
		`STREAM.PURGE.P | {"keep":5}`, info,
		`STREAM.PURGE.P | {"keep":1,"seq":4}`,
		`STREAM.PURGE.P | {"filter":"q"}`, info,
		`STREAM.PURGE.P | {"sequence":1}`,
		`STREAM.PURGE.P | `, info,
		`STREAM.PURGE.P | `, info,
	)
	b.same(t, fill...)
	b.same(t,
		`STREAM.MSG.DELETE.P | {"seq":9}`, info,
		`STREAM.MSG.DELETE.P | {"seq":9}`,
		`STREAM.MSG.DELETE.P | {"seq":7,"no_erase":true}`, info,
		`STREAM.MSG.DELETE.P | {"seq":12}`, info,
		`STREAM.MSG.DELETE.P | {"seq":99}`,
		`STREAM.MSG.DELETE.P | `,
		`STREAM.MSG.DELETE.P | {}`,
		`p.b | 13`, info,
		`p.a Nats-Rollup:sub | 14`, info,
		`p.b Nats-Rollup:SUB | 15`, info,
		`p.b Nats-Rollup:some | refused`, info,
		`p.d Nats-Rollup:all | 16`, info,
		`p.d Nats-Rollup:all Nats-Expected-Last-Sequence:3 | refused`, info,
	)
}

func TestMessagesAreFoundAlike(t *testing.T) {
	b := start(t)
	b.same(t,
		`STREAM.CREATE.G | {"name":"G","subjects":["g.>"],"allow_direct":true}`,
		`g.a | 1`, `g.b X:y | 2`, `g.a.b | 3`, `g.a | 4`, `g.c | 5`, `g.b | 6`,
		`STREAM.MSG.DELETE.G | {"seq":4}`,
	)
	for _, body := range []string{
		`{"seq":1}`, `{"seq":2}`, `{"seq":2,"no_hdr":true}`, `{"seq":4}`, `{"seq":7}`, `{"seq":0}`, ``, `{}`, `{"seq":"x"}`, `{`,
		`{"last_by_subj":"g.a"}`, `{"last_by_subj":"g.b"}`, `{"last_by_subj":"g.*"}`, `{"last_by_subj":"g.>"}`, `{"last_by_subj":"x"}`,
		`{"next_by_subj":"g.a"}`, `{"next_by_subj":"g.a","seq":2}`, `{"next_by_subj":"g.*","seq":3}`, `{"next_by_subj":"g.b","seq":7}`,
		`{"seq":1,"last_by_subj":"g.a"}`, `{"last_by_subj":"g.a","next_by_subj":"g.a"}`,
		`{"start_time":"2020-01-01T00:00:00Z"}`, `{"start_time":"2020-01-01T00:00:00+01:00","next_by_subj":"g.b"}`, `{"start_time":"2200-01-01T00:00:00Z"}`,
		`{"seq":1,"start_time":"2020-01-01T00:00:00Z"}`,
	} {
		b.same(t, call("STREAM.MSG.GET.G | "+body), call("DIRECT.GET.G | "+body))
	}
	for _, body := range []string{
		`{"seq":1,"batch":3}`, `{"seq":3,"batch":10}`, `{"seq":1,"batch":10,"next_by_subj":"g.*"}`, `{"next_by_subj":"g.a","batch":2}`,
		`{"seq":9,"batch":2}`, `{"seq":1,"batch":10,"max_bytes":12}`, `{"last_by_subj":"g.a","batch":2}`,
		`{"start_time":"2020-01-01T00:00:00Z","batch":2}`,
		`{"multi_last":["g.*"]}`, `{"multi_last":["g.a","g.b","g.>"]}`, `{"multi_last":["x"]}`, `{"multi_last":["g.>"],"batch":2}`,
		`{"multi_last":["g.>"],"seq":5}`, `{"multi_last":["g.a"],"last_by_subj":"g.a"}`, `{"multi_last":["g.a"],"next_by_subj":"g.a"}`,
	} {
		b.same(t, call("DIRECT.GET.G | "+body))
	}
	b.same(t,
		`DIRECT.GET.G.g.a | `, `DIRECT.GET.G.g.a.b | `, `DIRECT.GET.G.g.b | {"no_hdr":true}`, `DIRECT.GET.G.g.x | `,
		`DIRECT.GET.G.g.a | {"seq":1}`, `DIRECT.GET.G.g.a | {`,
		`STREAM.MSG.GET.G | {"seq":1,"batch":2}`, `STREAM.MSG.GET.G | {"sequence":1}`,
	)
}
