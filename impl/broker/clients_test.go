package broker

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
)

// What clients met with when they were pointed at the broker.

// answers is what a client hears that sends text, once the disk is quiet.
func (s *story) answers(c *machine.ConnBuf, text string) string {
	s.out.Reset()
	s.bytes(c, text)
	for s.finishOne() {
	}
	return s.out.String()
}

// request is answers to one request with the reply subject "in".
func (s *story) request(c *machine.ConnBuf, subject, body string) string {
	return s.answers(c, fmt.Sprintf("PUB %s in %d\r\n%s\r\n", subject, len(body), body))
}

// withStream is a broker that holds the stream S, and a client that listens to "in".
func withStream(t *testing.T, config string) (*story, *machine.ConnBuf) {
	s := single(t, nil)
	s.quiet(5)
	c := s.open("in")
	s.bytes(c, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n") // as clients do
	require.Contains(t, s.request(c, "$JS.API.STREAM.CREATE.S", config), "stream_create_response")
	s.quiet(5)
	return s, c
}

const ordersConfig = `{"name":"S","subjects":["orders.>"]}`

func TestWhatIsNotServedIsRefusedByNameAtOnce(t *testing.T) {
	s, c := withStream(t, ordersConfig)
	for subject, want := range map[string]string{
		"CONSUMER.CREATE.NONE.c":         `consumer_create_response","error":{"code":404,"err_code":10059`,
		"STREAM.MSG.DELETE.NONE":         `stream_msg_delete_response","error":{"code":404,"err_code":10059`,
		"STREAM.INFO.NONE":               `"err_code":10059`,
		"STREAM.RESTORE.NONE":            `"description":"STREAM.RESTORE is not served by this broker yet"`,
		"ACCOUNT.PURGE.A":                `"description":"ACCOUNT.PURGE is not served by this broker yet"`,
		"STREAM.PEER.REMOVE.S":           `"description":"STREAM.PEER.REMOVE is not served by this broker yet"`,
		"CONSUMER.PAUSE.S.c":             `"description":"CONSUMER.PAUSE is not served by this broker yet"`,
		"CONSUMER.RESET.S.c":             `"description":"CONSUMER.RESET is not served by this broker yet"`,
		"CONSUMER.INFO.NONE.c":           `consumer_info_response","error":{"code":404,"err_code":10059`,
		"CONSUMER.NAMES.NONE":            `consumer_names_response","error":{"code":404,"err_code":10059`,
		"CONSUMER.UNPIN.S.c":             `"description":"CONSUMER.UNPIN is not served by this broker yet"`,
		"CONSUMER.DURABLE.CREATE.NONE.c": `"err_code":10059`,
	} {
		got := s.request(c, apiPrefix+subject, "{}")
		require.Contains(t, got, want, subject)
		require.Equal(t, 1, strings.Count(got, "MSG in"), "%s is answered once", subject)
	}
	require.Contains(t, s.request(c, "$JS.API.STREAM.INFO.S", `{`), `"err_code":10025`)
	require.Contains(t, s.request(c, "$JS.API.STREAM.INFO.S", `{"subjects_filtre":">"}`), `"err_code":10025`)
}

func TestAStreamMayAllowWhatIsNotServedAndAPublishThatMakesUseOfItIsRefusedByName(t *testing.T) {
	s, c := withStream(t, `{"name":"S","subjects":["orders.>"],"allow_msg_ttl":true,"allow_atomic":true,"allow_batched":true}`)
	require.Contains(t, s.request(c, "$JS.API.STREAM.INFO.S", ``), `"allow_msg_ttl":true`)
	s.bytes(c, "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true}\r\n")
	for _, header := range []string{"Nats-TTL: 5s", "Nats-Batch-Id: b"} {
		block := "NATS/1.0\r\n" + header + "\r\n\r\n"
		got := s.answers(c, fmt.Sprintf("HPUB orders.eu in %d %d\r\n%s\r\n", len(block), len(block), block))
		require.Contains(t, got, "is not served by this broker yet", header)
	}
	s.bytes(c, "SUB in.> 2\r\n")
	require.Contains(t, s.answers(c, "PUB orders.eu in.id.10.ok.1.0.$FI 1\r\nx\r\n"), "a fast batch is not served by this broker yet")
	require.Contains(t, s.request(c, "orders.eu", "x"), `"seq":1`)
	require.Contains(t, s.request(c, "$JS.API.STREAM.UPDATE.S", ordersConfig), "message TTL status can not be disabled")
}

func TestASubjectMayEndInAFilterAndOnlyStreamsRefuseIt(t *testing.T) {
	s, c := withStream(t, ordersConfig)
	require.NotContains(t, s.answers(c, "PUB other.> 1\r\nx\r\nPUB a..b 1\r\nx\r\nPING\r\n"), "-ERR")
	require.Contains(t, s.request(c, "orders.*", "x"), `"err_code":10003`)
	require.Contains(t, s.request(c, "orders.eu..x", "x"), "(no interest)") // an empty token matches nothing
	require.Contains(t, s.request(c, "orders.eu", "x"), `"seq":1`)
	require.Contains(t, s.answers(c, "CONNECT {\"verbose\":false,\"pedantic\":true}\r\nPUB orders.* 1\r\nx\r\nPING\r\n"), "-ERR 'Invalid Publish Subject'")
}

func TestTheLastMessageOfEverythingIsFoundByAnyFilterThatNamesEverything(t *testing.T) {
	s, c := withStream(t, ordersConfig)
	require.Contains(t, s.request(c, "$JS.API.STREAM.MSG.GET.S", `{"last_by_subj":"orders.>"}`), "no message found")
	s.request(c, "orders.eu", "x")
	for _, filter := range []string{">", "orders.>", "*.>", "orders.eu"} {
		require.Contains(t, s.request(c, "$JS.API.STREAM.MSG.GET.S", fmt.Sprintf(`{"last_by_subj":%q}`, filter)), `"seq":1`, filter)
	}
}

func TestAnUpdateThatChangesNothingIsConfirmed(t *testing.T) {
	s, c := withStream(t, ordersConfig)
	require.Contains(t, s.request(c, "$JS.API.STREAM.UPDATE.S", ordersConfig), `"subjects":["orders.`)
	require.Contains(t, s.request(c, "$JS.API.STREAM.UPDATE.NONE", `{"name":"NONE"}`), `"err_code":10059`)
	require.Contains(t, s.request(c, "$JS.API.STREAM.UPDATE.S", `{"name":"T"}`), `"err_code":10056`)
	require.Contains(t, s.request(c, "$JS.API.STREAM.UPDATE.S", `{"nome":"S"}`), `"err_code":10025`)
}

func TestNamesAreThoseOfTheSubjectAskedForFromTheOffsetOn(t *testing.T) {
	s, c := withStream(t, ordersConfig)
	s.create(c, "T")
	require.Contains(t, s.request(c, apiStreamNames, ``), `"total":2,"offset":0,"limit":1024,"streams":["S","T"]`)
	require.Contains(t, s.request(c, apiStreamNames, `{"subject":"orders.eu"}`), `"streams":["S"]`)
	require.Contains(t, s.request(c, apiStreamNames, `{"subject":"nobody"}`), `"total":0,"offset":0,"limit":1024,"streams":[]`)
	require.Contains(t, s.request(c, apiStreamNames, `{"offset":1}`), `"total":2,"offset":1,"limit":1024,"streams":["T"]`)
	require.Contains(t, s.request(c, apiStreamNames, `{"offset":-5}`), `"streams":["S","T"]`)
	require.Contains(t, s.request(c, apiStreamNames, `{"offset":9}`), `"streams":[]`)
}

func TestAStreamsFirstTimeIsThatOfItsFirstMessageAlsoAfterARestart(t *testing.T) {
	s, c := withStream(t, ordersConfig)
	s.env.Wall = 1_767_225_600 * 1_000_000_000
	s.request(c, "orders.eu", strings.Repeat("x", 100))
	s.env.Wall += machine.Wall(sec)
	s.request(c, "orders.eu", "y")
	const want = `"first_ts":"2026-01-01T00:00:00Z","last_seq":2,"last_ts":"2026-01-01T00:00:01Z"`
	require.Contains(t, s.request(c, "$JS.API.STREAM.INFO.S", ""), want)
	s.cfg.CacheBytes = 1 // the first message is on disk alone
	s.bootAgain(t)
	s.quiet(10)
	c = s.open("in")
	require.Contains(t, s.request(c, "$JS.API.STREAM.INFO.S", ""), want)
}

func TestAnEmptyHeaderBlockIsNoneAndOneNobodyAnnouncedIsABreach(t *testing.T) {
	s := single(t, nil)
	c := s.open("a")
	s.bytes(c, "CONNECT {\"verbose\":false,\"headers\":true}\r\n")
	require.Contains(t, s.answers(c, "HPUB a 0 3\r\nxyz\r\n"), "-> c1 MSG a 1 3\n-> c1 xyz")
	require.Contains(t, s.answers(c, "CONNECT {\"headers\":false}\r\nHPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n"), "(connection: message headers not supported)\nclose c1")
}

func TestEndingManySubscriptionsDoesNotCostTheirSquare(t *testing.T) {
	s := single(t, nil)
	c := s.open("a")
	const n = 10_000
	var subs, unsubs strings.Builder
	for i := range n {
		fmt.Fprintf(&subs, "SUB s.%d x%d\r\n", i, i)
		fmt.Fprintf(&unsubs, "UNSUB x%d\r\n", i)
	}
	s.bytes(c, subs.String())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s.bytes(c, unsubs.String())
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(n*1000), "bytes allocated")
	conn := s.m.(*Broker).conns[c.ID]
	require.Len(t, conn.subs, 1)
	require.LessOrEqual(t, len(conn.order), 18)
	require.Contains(t, s.answers(c, "PUB s.1 1\r\nx\r\nPUB a 1\r\nx\r\n"), "MSG a 1 1")
	s.step(&machine.Input{Kind: machine.ConnClosed, Conn: c.ID})
	c = s.open("b")
	require.NotContains(t, s.answers(c, "PUB a 1\r\nx\r\n"), "MSG a")
}

func TestClientsAreToldTheirAddressWithoutThePort(t *testing.T) {
	for remote, want := range map[string]string{"10.0.0.1:4222": "10.0.0.1", "[::1]:4222": "::1", "client": "client"} {
		require.Equal(t, want, hostOf(remote))
	}
}

func TestAccountInfoListsEveryLimitThatClientsInsistOn(t *testing.T) {
	s, c := withStream(t, ordersConfig)
	require.Contains(t, s.request(c, apiInfo, ""), `"limits":{"max_memory":-1,"max_storage":-1,"max_streams":-1,"max_consumers":-1,`+
		`"max_ack_pending":-1,"memory_max_stream_bytes":-1,"storage_max_stream_bytes":-1,"max_bytes_required":false}`)
}
