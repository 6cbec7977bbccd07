package consumer

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/stream"
)

var orders = stream.Config{Name: "S", Subjects: []string{"orders.>"}, Retention: "limits", Replicas: 3}

// judged is what a request's configuration becomes, and the first rule that it breaks.
func judged(t *testing.T, config string, s stream.Config) (Config, *Error) {
	t.Helper()
	r, why := Parse([]byte(`{"stream_name":"S","config":` + config + `}`))
	if why != nil {
		return r.Config, why
	}
	r.Config.Defaults()
	return r.Config, r.Config.Validate(&s)
}

func TestDefaultsAreThoseOfNATS(t *testing.T) {
	c, why := judged(t, `{"ack_policy":"explicit"}`, orders)
	require.Nil(t, why)
	require.Equal(t, Config{
		DeliverPolicy: "all", AckPolicy: "explicit", ReplayPolicy: "instant", AckWait: 30 * sec, MaxDeliver: -1,
		MaxWaiting: 512, MaxAckPending: 1000, InactiveThreshold: 5 * sec,
	}, c)
	c, why = judged(t, `{"durable_name":"d","ack_policy":"all","backoff":[1000000,2000000]}`, orders)
	require.Nil(t, why)
	require.EqualValues(t, ms, c.AckWait, "the first backoff is the ack wait")
	require.Zero(t, c.InactiveThreshold, "a durable stays")
	c, why = judged(t, `{"deliver_subject":"d"}`, orders)
	require.Nil(t, why)
	require.Equal(t, "none", c.AckPolicy)
	require.Zero(t, c.MaxWaiting)
	require.Zero(t, c.AckWait)
	require.Zero(t, c.MaxAckPending)
}

func TestEveryRefusalHasTheCodeOfNATS(t *testing.T) {
	for config, code := range map[string]int{
		`{"name":"a.b"}`:                                                   10052,
		`{"durable_name":"a b"}`:                                           10052,
		`{"num_replicas":5}`:                                               10126,
		`{"num_replicas":-1}`:                                              10133,
		`{"backoff":[-1]}`:                                                 10184,
		`{"ack_wait":-1}`:                                                  10183,
		`{"backoff":[1,2,3],"max_deliver":2}`:                              10116,
		`{"deliver_subject":"a.*"}`:                                        10079,
		`{"deliver_subject":"a b"}`:                                        10112,
		`{"deliver_subject":"orders.eu"}`:                                  10081,
		`{"deliver_subject":"d","max_waiting":5}`:                          10080,
		`{"deliver_subject":"d","max_ack_pending":5}`:                      10082,
		`{"deliver_subject":"d","idle_heartbeat":5}`:                       10083,
		`{"rate_limit_bps":5}`:                                             10086,
		`{"idle_heartbeat":1000000000}`:                                    10088,
		`{"flow_control":true}`:                                            10089,
		`{"max_expires":5}`:                                                10115,
		`{"direct":true}`:                                                  10090,
		`{"direct":true,"deliver_subject":"d","durable_name":"d"}`:         10091,
		`{"filter_subject":"a","filter_subjects":["b"]}`:                   10136,
		`{"filter_subject":"a..b"}`:                                        10052,
		`{"filter_subjects":[""]}`:                                         10139,
		`{"filter_subjects":["a.>","a.b"]}`:                                10138,
		`{"opt_start_seq":5}`:                                              10094,
		`{"deliver_policy":"by_start_sequence"}`:                           10094,
		`{"deliver_policy":"by_start_time"}`:                               10094,
		`{"deliver_policy":"last_per_subject"}`:                            10094,
		`{"deliver_policy":"new","opt_start_time":"2026-01-01T00:00:00Z"}`: 10094,
		`{"deliver_subject":"d","flow_control":true}`:                      10108,
		`{"durable_name":"a","name":"b"}`:                                  10132,
		`{"deliver_policy":"sometimes"}`:                                   10025,
		`{"ack_policy":"flow_control"}`:                                    10025,
		`{"opt_start_time":"yesterday"}`:                                   10025,
		`{"max_delivery":5}`:                                               10025,
		`{"max_deliver":"5"}`:                                              10025,
	} {
		_, why := judged(t, config, orders)
		require.NotNil(t, why, config)
		require.Equal(t, code, why.ErrCode, "%s: %v", config, why)
	}
	queue := orders
	queue.Retention = "workqueue"
	_, why := judged(t, `{"ack_policy":"none"}`, queue)
	require.Equal(t, 10084, why.ErrCode)
	_, why = judged(t, `{"num_replicas":1}`, queue)
	require.Equal(t, 10134, why.ErrCode)
}

func TestFiltersMayMeetWithoutOneHoldingTheOther(t *testing.T) {
	c, why := judged(t, `{"filter_subjects":["a.*.c","a.b.*"]}`, orders) // as in nats-server
	require.Nil(t, why)
	require.Len(t, c.Filters(), 2)
}

func TestWhatIsNotServedIsRefusedByName(t *testing.T) {
	for name, config := range map[string]string{
		"pause_until":      `{"pause_until":"2030-01-01T00:00:00Z"}`,
		"priority_groups":  `{"priority_groups":["a"]}`,
		"priority_policy":  `{"priority_policy":"overflow"}`,
		"priority_timeout": `{"priority_timeout":5}`,
		"sourcing":         `{"sourcing":true}`,
		"sample_freq":      `{"sample_freq":"100"}`,
	} {
		_, why := judged(t, config, orders)
		require.NotNil(t, why, config)
		require.Equal(t, name+" is not served by this broker yet", why.Description)
	}
	_, why := judged(t, `{"pause_until":null,"priority_policy":"none","priority_groups":[],"sourcing":false}`, orders)
	require.Nil(t, why, "zero values ask for nothing")
}

func TestTheSubjectOfARequestAndItsBodyMustAgree(t *testing.T) {
	for _, c := range []struct {
		place Place
		body  string
		code  int
	}{
		{Place{Stream: "T"}, `{}`, 10056},
		{Place{Stream: "S", Name: `a\b`}, `{}`, 10127},
		{Place{Stream: "S", Name: "c", Durable: true}, `{}`, 10018},
		{Place{Stream: "S", Name: "c", Durable: true}, `{"durable_name":"d"}`, 10017},
		{Place{Stream: "S", Name: "c"}, `{"durable_name":"d"}`, 10017},
		{Place{Stream: "S"}, `{"durable_name":"d"}`, 10020},
		{Place{Stream: "S", Name: "c", Filter: "a"}, `{"filter_subjects":["a"]}`, 10137},
		{Place{Stream: "S", Name: "c", Filter: "a"}, `{"filter_subject":"b"}`, 10131},
	} {
		r, why := Parse([]byte(`{"stream_name":"S","config":` + c.body + `}`))
		require.Nil(t, why)
		why = r.Agree(c.place)
		require.NotNil(t, why, "%+v", c)
		require.Equal(t, c.code, why.ErrCode)
	}
	r, _ := Parse([]byte(`{"stream_name":"S","config":{"filter_subject":"a"}}`))
	require.Nil(t, r.Agree(Place{Stream: "S", Name: "c", Filter: "a"}))
	require.Equal(t, "c", r.Config.Name)
}

func TestAnUpdateMayChangeWhatNATSLetsItChange(t *testing.T) {
	was := `{"durable_name":"d","ack_policy":"explicit","deliver_policy":"by_start_sequence","opt_start_seq":5}`
	for change, allowed := range map[string]bool{
		`{"max_deliver":5}`:            true,
		`{"ack_wait":5}`:               true,
		`{"max_ack_pending":5}`:        true,
		`{"filter_subject":"a"}`:       true,
		`{"description":"x"}`:          true,
		`{"inactive_threshold":5}`:     true,
		`{"ack_policy":"all"}`:         false,
		`{"opt_start_seq":6}`:          false,
		`{"replay_policy":"original"}`: false,
		`{"mem_storage":true}`:         false,
		`{"max_waiting":5}`:            false,
		`{"deliver_subject":"x"}`:      false,
	} {
		old, why := judged(t, was, orders)
		require.Nil(t, why)
		now := old.Clone()
		require.NoError(t, json.Unmarshal([]byte(change), now))
		require.Equal(t, allowed, old.CanBecome(now) == nil, change)
	}
}

func FuzzParseNeverPanicsAndWhatIsValidStaysValid(f *testing.F) {
	f.Add([]byte(`{"stream_name":"S","config":{"ack_policy":"explicit","backoff":[1],"opt_start_time":"2026-01-01T00:00:00Z"},"action":"create"}`))
	f.Add([]byte(`{"config":{"filter_subjects":["a","b.>"]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, why := Parse(text)
		if why != nil {
			return
		}
		r.Config.Defaults()
		if r.Config.Validate(&orders) != nil {
			return
		}
		again := r.Config.Clone()
		again.Defaults()
		if again.Validate(&orders) != nil || !again.Equal(&r.Config) || r.Config.CanBecome(again) != nil {
			t.Fatalf("%s: defaults filled in twice differ", text)
		}
	})
}
