package broker

import (
	"bytes"
	"encoding/json"
	"strings"
)

// apiPrefix begins the subject of every API request.
const apiPrefix = "$JS.API."

// unservedAPI is the requests that this broker knows of but does not serve: they are refused by name, at
// once, for what a client makes of "no responders" does not say what is missing. What follows a prefix
// that ends in a dot begins with a stream's name.
var unservedAPI = []struct{ prefix, kind string }{
	{"STREAM.SNAPSHOT.", "stream_snapshot_response"},
	{"STREAM.RESTORE.", "stream_restore_response"},
	{"STREAM.PEER.REMOVE.", "stream_remove_peer_response"},
	{"CONSUMER.PAUSE.", "consumer_pause_response"},
	{"CONSUMER.RESET.", "consumer_reset_response"},
	{"CONSUMER.UNPIN.", "consumer_unpin_response"},
	{"SERVER.REMOVE", "meta_server_remove_response"},
	{"ACCOUNT.PURGE.", "account_purge_response"},
}

// notServed is the refusal of something that NATS has and this broker has not.
func notServed(what string) *apiError {
	return &apiError{501, 10003, what + " is not served by this broker yet"}
}

// unservedFilter is where a prefix of unservedAPI is listened to.
func unservedFilter(prefix string) string {
	if strings.HasSuffix(prefix, ".") {
		return apiPrefix + prefix + ">"
	}
	return apiPrefix + prefix
}

// refuseUnserved answers requests of one kind: the stream they name does not exist, or they are not served.
func (s *metaState) refuseUnserved(prefix, kind string) func(*message) {
	what := strings.TrimSuffix(prefix, ".")
	return func(m *message) {
		name, _, _ := strings.Cut(string(m.subject[min(len(apiPrefix)+len(prefix), len(m.subject)):]), ".")
		s.g.readWhenLeading(string(m.reply), func(reply string) {
			why := notServed(what)
			if _, a := s.find(name); a == nil && name != "" && !strings.HasPrefix(prefix, "ACCOUNT.") && what != "STREAM.RESTORE" {
				why = errStreamNotFound
			}
			s.g.b.reply(reply, why.typed(typePrefix+kind))
		})
	}
}

// parseRequest reads the JSON of a request; none at all asks for nothing. A field that nobody knows is an error: it
// would be ignored (nats-server unmarshalRequest, strict since 2.12).
func parseRequest(data []byte, into any) *apiError {
	if len(data) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return &apiError{400, 10025, "invalid JSON: " + err.Error()}
	}
	return nil
}
