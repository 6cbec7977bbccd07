package stream

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func parsed(t *testing.T, text string) Config {
	t.Helper()
	c, err := Parse([]byte(text))
	require.NoError(t, err)
	return c.Defaults()
}

func TestWhatClientsAlwaysSendAsksForNothing(t *testing.T) {
	c := parsed(t, `{"name":"A","consumer_limits":{},"allow_msg_ttl":false,"sources":null,"placement":null}`)
	require.NoError(t, c.Validate())
	require.True(t, c.Equal(parsed(t, `{"name":"A","subjects":["A"],"num_replicas":1}`)))
}

func TestAnObjectOfEmptyFieldsAsksForNothing(t *testing.T) {
	for _, text := range []string{`{"cluster":""}`, `{ "cluster": "", "tags": [], "preferred": "" }`} {
		c := parsed(t, `{"name":"A","placement":`+text+`}`)
		require.NoError(t, c.Validate(), text)
		require.True(t, c.Equal(parsed(t, `{"name":"A"}`)), text)
	}
	require.ErrorContains(t, parsed(t, `{"name":"A","placement":{"cluster":"","tags":["ssd"]}}`).Validate(), "placement is not served")
}

func TestEverySettingThatIsNotServedIsRefusedByName(t *testing.T) {
	for text, name := range map[string]string{
		`{"name":"A","allow_msg_counter":true}`:                "allow_msg_counter",
		`{"name":"A","mirror":{"name":"B"}}`:                   "mirror",
		`{"name":"A","sources":[{"name":"B"}]}`:                "sources",
		`{"name":"A","republish":{"src":">","dest":"x.>"}}`:    "republish",
		`{"name":"A","subject_delete_marker_ttl":5}`:           "subject_delete_marker_ttl",
		`{"name":"A","consumer_limits":{"max_ack_pending":5}}`: "consumer_limits",
	} {
		require.ErrorContains(t, parsed(t, text).Validate(), name+" is not served", text)
	}
}

func TestEverySettingOfANormalStreamIsServed(t *testing.T) {
	require.NoError(t, parsed(t, `{"name":"A","description":"all of it","subjects":["a.*","b.>"],"retention":"workqueue","max_consumers":5,
		"max_msgs":10,"max_bytes":1000,"max_age":1000000000,"max_msgs_per_subject":3,"max_msg_size":100,"discard":"new","discard_new_per_subject":true,
		"storage":"memory","num_replicas":3,"no_ack":true,"duplicate_window":500000000,"allow_direct":true,"deny_delete":true,
		"allow_rollup_hdrs":true,"compression":"s2","first_seq":100,"metadata":{"owner":"me"}}`).Validate())
}

func TestAllBrokenRulesAreListedAtOnce(t *testing.T) {
	err := parsed(t, `{"name":"a b","subjects":["x.>","x.y","$JS.API.q",""],"num_replicas":7}`).Validate()
	invalid := (*InvalidError)(nil)
	require.ErrorAs(t, err, &invalid)
	require.Len(t, invalid.Rules, 5, "%v", invalid.Rules)
}

func TestUnknownSettingsAreErrors(t *testing.T) {
	_, err := Parse([]byte(`{"name":"A","max_mesages":5}`))
	require.ErrorContains(t, err, "max_mesages")
}

func TestABrokenRuleIsSaidInTheWordsOfNATS(t *testing.T) {
	for text, rule := range map[string]string{
		`{"name":"a.b","subjects":["x"]}`:                                      "stream name is required and can not contain",
		`{"name":"A","description":"` + strings.Repeat("x", 5000) + `"}`:       "stream description is too long, maximum allowed is 4096",
		`{"name":"A","metadata":{"k":"` + strings.Repeat("x", 200_000) + `"}}`: "stream metadata exceeds maximum size of 131072 bytes",
		`{"name":"A","retention":"forever"}`:                                   `invalid retention "forever"`,
		`{"name":"A","num_replicas":6}`:                                        "maximum replicas is 5",
		`{"name":"A","max_age":-1}`:                                            "max age can not be negative",
		`{"name":"A","max_age":1000}`:                                          "max age needs to be >= 100ms",
		`{"name":"A","duplicate_window":1000}`:                                 "duplicates window needs to be >= 100ms",
		`{"name":"A","max_age":1000000000,"duplicate_window":2000000000}`:      "duplicates window can not be larger then max age",
		`{"name":"A","deny_purge":true,"allow_rollup_hdrs":true}`:              "roll-ups require the purge permission",
		`{"name":"A","discard_new_per_subject":true,"max_msgs_per_subject":1}`: "discard new per subject requires discard new policy to be set",
		`{"name":"A","discard_new_per_subject":true,"discard":"new"}`:          "discard new per subject requires max msgs per subject > 0",
		`{"name":"A","mirror_direct":true}`:                                    "stream has no mirror but does have mirror direct",
		`{"name":"A","subjects":["x","x"]}`:                                    `subject "x" overlaps with "x"`,
		`{"name":"A","subjects":[">"]}`:                                        "capturing all subjects requires no-ack to be true",
		`{"name":"A","subjects":[">"],"no_ack":true,"num_replicas":3}`:         "capturing all subjects requires replicas of 1",
		`{"name":"A","subjects":["$JS.ACK.>"]}`:                                "subjects that overlap with jetstream api require no-ack to be true",
		`{"name":"A","subjects":["$SYS.x"]}`:                                   "subjects that overlap with system api require no-ack to be true",
		`{"name":"A","subjects":["x.*","x.y"]}`:                                `subject "x.*" overlaps with "x.y"`,
	} {
		err := parsed(t, text).Validate()
		require.ErrorContains(t, err, rule, text)
		require.NotContains(t, err.Error(), ";", "one rule is broken: %s", text)
	}
	require.NoError(t, parsed(t, `{"name":"A","subjects":["$JS.EVENT.x","$SYS.ACCOUNT.>"]}`).Validate())
	require.NoError(t, parsed(t, `{"name":"A","subjects":[">"],"no_ack":true}`).Validate())
}

func TestTheDuplicateWindowIsTwoMinutesOrTheMessagesAge(t *testing.T) {
	require.EqualValues(t, 120_000*ms, parsed(t, `{"name":"A"}`).Duplicates)
	require.EqualValues(t, 1000*ms, parsed(t, `{"name":"A","max_age":1000000000}`).Duplicates)
	require.EqualValues(t, 120_000*ms, parsed(t, `{"name":"A","max_age":3600000000000}`).Duplicates)
	require.EqualValues(t, 500*ms, parsed(t, `{"name":"A","duplicate_window":500000000}`).Duplicates)
}

func TestAnUpdateMayNotChangeWhatNATSDoesNotLetChange(t *testing.T) {
	for _, change := range []struct{ old, now, rule string }{
		{`{"name":"A"}`, `{"name":"B"}`, "stream configuration name must match original"},
		{`{"name":"A"}`, `{"name":"A","storage":"memory"}`, "change storage type"},
		{`{"name":"A"}`, `{"name":"A","retention":"workqueue"}`, "change retention policy to/from workqueue"},
		{`{"name":"A","retention":"workqueue"}`, `{"name":"A","retention":"interest"}`, "change retention policy to/from workqueue"},
		{`{"name":"A","deny_delete":true}`, `{"name":"A"}`, "cancel deny message deletes"},
		{`{"name":"A","deny_purge":true}`, `{"name":"A"}`, "cancel deny purge"},
		{`{"name":"A","sealed":true,"deny_delete":true,"deny_purge":true}`, `{"name":"A","deny_delete":true,"deny_purge":true}`, "unseal a sealed stream"},
		{`{"name":"A"}`, `{"name":"A","max_age":-5}`, "max age can not be negative"},
	} {
		_, err := parsed(t, change.now).Update(parsed(t, change.old))
		require.ErrorContains(t, err, change.rule, change.now)
	}
	c, err := parsed(t, `{"name":"A","subjects":["x","y"],"max_msgs":5,"retention":"interest"}`).Update(parsed(t, `{"name":"A"}`))
	require.NoError(t, err)
	require.EqualValues(t, 5, c.MaxMsgs)
}

func TestASealedStreamTakesAndLosesNothing(t *testing.T) {
	c, err := parsed(t, `{"name":"A","sealed":true,"max_age":1000000000,"allow_rollup_hdrs":true}`).Update(parsed(t, `{"name":"A"}`))
	require.NoError(t, err)
	require.True(t, c.Sealed && c.DenyDelete && c.DenyPurge && !c.AllowRollup && c.MaxAge == 0 && c.Discard == DiscardNew, "%+v", c)
}
