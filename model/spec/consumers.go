package spec

// The guarantees of consumers.
const (
	ConsumerNoPhantom ID = "consumer-no-phantom"
	AtLeastOnce       ID = "at-least-once"
	NothingSkipped    ID = "nothing-skipped"
	AckIsFinal        ID = "no-delivery-after-confirmed-ack"
	AckFenced         ID = "stale-ack-not-confirmed"
	DeliveryCounts    ID = "delivery-counts"
	NotEarly          ID = "redelivery-not-early"
	RedeliveryInTime  ID = "redelivery-in-time"
	ExclusiveDelivery ID = "exclusive-delivery"
	MaxDeliver        ID = "max-deliver"
	MaxAckPending     ID = "max-ack-pending"
	SettledAsAsked    ID = "settled-as-asked"
	FloorMonotone     ID = "ack-floor-monotone"
	FirstOrder        ID = "first-delivery-order"
	ConsumerProgress  ID = "consumer-not-stuck"
)

// consumerGuarantees are what a consumer promises of deliveries and acks. For consumer c and message s of its stream: H(c, s, n)
// is the moment at which a node handed s out for the n-th time, D(c, s, n) its receipt by a client, A(c, s, n) a client's ack
// of that delivery with its call and, if it was confirmed, its return; settled(c, s) the first moment at which a node says
// that c is done with s.
var consumerGuarantees = []Guarantee{
	{
		ConsumerNoPhantom, Consumer, "No delivery out of nothing",
		"D(c, s, n) = m implies that m was published before, that no acknowledgement, read or store ever named another message at s, and that m's subject is one that c filters for.",
		"deliveries from consumers",
	},
	{
		AtLeastOnce, Consumer, "At least once",
		"By the mark drained, each acknowledged message that c covers has been delivered to a client, or settled.",
		"acknowledged publishes to a stream with a consumer that delivers all, and the mark drained",
	},
	{
		NothingSkipped, Consumer, "Nothing is passed over",
		"When c, by the mark drained, says that nothing is pending and nothing unsettled, some client has acked or termed each acknowledged message that c covers, or its deliveries have run out. To have been delivered is not enough: the client may have died with it.",
		"a consumer whose messages are settled one by one or by commits, final answers about it, and the mark drained; delivered observations if it has a maximum of deliveries",
	},
	{
		AckIsFinal, Consumer, "A confirmed ack is final",
		"A(c, s, n).return < x implies that x is no H(c, s, m), and no fetch called after it brings s; nor, if an ack settles all below it, is x an H(c, t, m) with t < s.",
		"confirmed acks, and deliveries",
	},
	{
		AckFenced, Consumer, "A stale ack settles nothing",
		"D(c, s, m) < A(c, s, n).call with n < m implies that A(c, s, n) is not confirmed. With explicit acks, settled(c, s) by an ack (a term) of the m-th delivery implies that a client had called an ack (a term) of the m-th or a later one.",
		"acks, confirmation asked for, of a delivery that a later one had overtaken; or settled observations of such messages",
	},
	{
		DeliveryCounts, Consumer, "Deliveries are counted",
		"H(c, s, n) < H(c, s, m) implies n < m, and no two D(c, s, n) have the same n. Of two H of c the later has a higher number in c's own count. Where a delivery needs no ack and removes its message from the stream it is made before it is counted, and may be made again.",
		"a message handed out twice",
	},
	{
		NotEarly, Consumer, "No redelivery before its time",
		"H(c, s, n) and H(c, s, m) with n < m are at least the ack wait (or the n-th backoff) apart, unless s was naked in between, and then the delay that was asked for. Five seconds after healing and later the wait is reckoned from the call by which a client said last, and was confirmed, that the n-th is in progress.",
		"a message handed out twice, by observations",
	},
	{
		RedeliveryInTime, Consumer, "Redelivery in time",
		"Five seconds after healing and later: a message that was handed out, and that a client naked or nobody settled, is handed out again within half a second of the nak's delay, or two of its ack wait, if fetches wait all the while; unless max_deliver is reached, be it by deliveries that a leader counted and did not come to hand out, or a rule removed it. Another leader begins all waits anew.",
		"the mark healed; deliveries, naks, and fetches that are answered",
	},
	{
		ExclusiveDelivery, Consumer, "One holder at a time",
		"D(c, s, n) to one client and D(c, s, m) to another are not both within the ack wait of the other's fetch call, unless some client had settled or naked s.",
		"a message delivered to two clients",
	},
	{
		MaxDeliver, Consumer, "No more than the maximum of deliveries",
		"H(c, s, n) and D(c, s, n) imply n <= max_deliver.",
		"deliveries from a consumer with a maximum",
	},
	{
		MaxAckPending, Consumer, "No more than the maximum pending",
		"At no time are more than max_ack_pending messages handed out and not settled.",
		"delivered and settled observations of a consumer with explicit acks",
	},
	{
		SettledAsAsked, Consumer, "Nothing is settled that nobody asked for",
		"With explicit acks, settled(c, s) by an ack (a term) implies that a client had called an ack (a term) of s for c.",
		"settled observations, and acks",
	},
	{
		FloorMonotone, Consumer, "The ack floor is true and never falls",
		"Of two answers about c, one called after the other returned, the later has no lower floor; within one life of a node its floor of c never falls; a floor is never above the stream's last sequence; with explicit acks nothing at or below it is handed out and not settled.",
		"answers about consumers, or floor observations",
	},
	{
		FirstOrder, Consumer, "First deliveries in order",
		"H(c, s, 1) < H(c, t, 1) implies s < t, where commits settle D(c, s) < D(c, t) for the first of each; with acks none, no covered message stored by then lies between two that one leader handed out one after the other.",
		"two messages handed out for the first time, by observations, or, where commits settle, received",
	},
	{
		ConsumerProgress, Consumer, "No consumer is stuck",
		"After healing, with clients that fetch and confirm, a consumer comes to have nothing pending and nothing unsettled.",
		"the mark healed, and final answers about the consumer",
	},
}

// uncounted are the settings under which a new leader may not know how often a message was delivered.
var uncounted = append([]Setting{{Name: "delivered", Values: []string{"after"}}}, forgetful...)

const natsConsumers = "nats.docs, nats-concepts/jetstream/consumers: explicit acks, AckWait, MaxDeliver, MaxAckPending, double ack"

var consumerClaims = []Claim{
	{Reference, ConsumerNoPhantom, forgetful, ourDesign},
	{Reference, AtLeastOnce, forgetful, ourDesign},
	{Reference, NothingSkipped, forgetful, ourDesign},
	{Reference, AckIsFinal, uncounted, ourDesign},
	{Reference, AckFenced, append([]Setting{{Name: "ack-fence", Values: []string{"none"}}}, uncounted...), ourDesign},
	{Reference, DeliveryCounts, uncounted, ourDesign},
	{Reference, NotEarly, uncounted, ourDesign},
	{Reference, RedeliveryInTime, forgetful, ourDesign},
	{Reference, ExclusiveDelivery, uncounted, ourDesign},
	{Reference, MaxDeliver, uncounted, ourDesign},
	{Reference, MaxAckPending, uncounted, ourDesign},
	{Reference, SettledAsAsked, forgetful, ourDesign},
	{Reference, FloorMonotone, uncounted, ourDesign},
	{Reference, FirstOrder, uncounted, ourDesign},
	{Reference, ConsumerProgress, nil, ourDesign},

	// NATS documents a double ack as what exactly-once rests on; it documents no exact counts over a change of leaders.
	{NATS, ConsumerNoPhantom, nil, natsConsumers},
	{NATS, AtLeastOnce, nil, natsConsumers},
	{NATS, AckIsFinal, nil, natsConsumers},
	{NATS, AckFenced, nil, natsConsumers},
	{NATS, RedeliveryInTime, nil, natsConsumers},
	{NATS, MaxAckPending, uncounted, natsConsumers},
	{NATS, SettledAsAsked, nil, natsConsumers},
	{NATS, FirstOrder, uncounted, natsConsumers},
	{NATS, ConsumerProgress, nil, natsConsumers},
}
