package stream

import (
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
	require.NoError(t, c.Validate(3))
	require.True(t, c.Equal(parsed(t, `{"name":"A","subjects":["A"],"num_replicas":1}`)))
}

func TestEverySettingThatIsNotServedIsRefusedByName(t *testing.T) {
	for text, name := range map[string]string{
		`{"name":"A","allow_msg_ttl":true}`:                    "allow_msg_ttl",
		`{"name":"A","mirror":{"name":"B"}}`:                   "mirror",
		`{"name":"A","retention":"workqueue"}`:                 "retention workqueue",
		`{"name":"A","max_age":1000000000}`:                    "max_age",
		`{"name":"A","storage":"memory"}`:                      "storage memory",
		`{"name":"A","max_msgs_per_subject":5}`:                "max_msgs_per_subject",
		`{"name":"A","consumer_limits":{"max_ack_pending":5}}`: "consumer_limits",
	} {
		err := parsed(t, text).Validate(3)
		require.ErrorContains(t, err, name+" is not served", text)
	}
}

func TestAllBrokenRulesAreListedAtOnce(t *testing.T) {
	err := parsed(t, `{"name":"a b","subjects":["x.>","x.y","$JS.API.q",""],"num_replicas":7}`).Validate(3)
	invalid := (*InvalidError)(nil)
	require.ErrorAs(t, err, &invalid)
	require.Len(t, invalid.Rules, 5, "%v", invalid.Rules)
}

func TestUnknownSettingsAreErrors(t *testing.T) {
	_, err := Parse([]byte(`{"name":"A","max_mesages":5}`))
	require.ErrorContains(t, err, "max_mesages")
}

func TestReplicasMustFitTheCluster(t *testing.T) {
	require.NoError(t, parsed(t, `{"name":"A","num_replicas":3}`).Validate(3))
	require.ErrorContains(t, parsed(t, `{"name":"A","num_replicas":3}`).Validate(1), "more than the cluster's 1 nodes")
}
