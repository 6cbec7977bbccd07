package checker

import "github.com/brokerlab/brokerlab/model/history"

// The observations that judges act on, by their names in histories (machine.ObsKind).
const (
	obsStored        history.Verb = "stored"
	obsApplied       history.Verb = "applied"
	obsLeader        history.Verb = "leader"
	obsVoted         history.Verb = "voted"
	obsRecovered     history.Verb = "recovered"
	obsRemoved       history.Verb = "removed"
	obsTruncated     history.Verb = "truncated"
	obsAppended      history.Verb = "appended"
	obsAcked         history.Verb = "acked"
	obsDamaged       history.Verb = "damaged"
	obsDropped       history.Verb = "dropped" // of a message that reached nobody: seen, but in no store
	obsRejoined      history.Verb = "rejoined"
	obsStreamCreated history.Verb = "stream-created"
	obsStreamDeleted history.Verb = "stream-deleted"
	obsInterest      history.Verb = "interest"

	obsConsumerCreated history.Verb = "consumer-created"
	obsConsumerDeleted history.Verb = "consumer-deleted"
	obsDelivered       history.Verb = "delivered"
	obsSettled         history.Verb = "settled"
	obsFloor           history.Verb = "floor"
)

// whySnapshot is the reason of a Recovered after which a node's log begins at the entry named, and holds nothing of
// what it held before.
const whySnapshot = "snapshot"
