package spec

// The guarantees of core messaging.
const (
	CoreNoPhantom    ID = "core-no-phantom"
	CoreAtMostOnce   ID = "core-at-most-once"
	CoreOrder        ID = "core-publisher-order"
	CoreNoGap        ID = "core-no-middle-gap"
	CoreNoMiss       ID = "core-no-unexplained-miss"
	QueueOne         ID = "queue-group-one"
	QueueServed      ID = "queue-group-served"
	ReplyCorrelates  ID = "reply-correlates"
	NoRespondersTrue ID = "no-responders-true"
	RequestAnswered  ID = "request-answered"
	CoreProgress     ID = "core-progress"
)

// coreGuarantees are what core messaging promises: little, but not nothing. M(m) is the call that sent message m (a
// send, request, answer or publish) on a connection p of its client, which is connected to node N(p); D(s, m) its delivery to
// subscription s, made on a connection of its own. R(m) is the first moment at which something that was called on p with m or
// later was answered: by then N(p) had routed m. On(n, s) is the time during which node n says that it passes
// on s's filter to s's node; it needs none if the two are one. Heard(x, s) is the first moment at which something
// called after x was answered, or delivered, on the connection of s, while s lasted: what its node wrote before x has arrived by then.
var coreGuarantees = []Guarantee{
	{
		CoreNoPhantom, Core, "No core message out of nothing",
		"D(s, m) implies M(m).call < D(s, m) under the same subject, which the filter of s names; that M(m) did not fail; that s was asked for before R(m), if their nodes are one; and that m was not sent over the connection of s, if its client wants no echo.",
		"core deliveries, and what was sent",
	},
	{
		CoreAtMostOnce, Core, "At most once",
		"D(s, m) happens at most once for each call that sent m.",
		"core deliveries",
	},
	{
		CoreOrder, Core, "In each publisher's order",
		"M(k).call < M(m).call on one connection implies D(s, k) < D(s, m), where both are delivered.",
		"two core deliveries of messages sent over one connection to one subscription; the marks connected and disconnected",
	},
	{
		CoreNoGap, Core, "No gap in the middle",
		"With k, m, l sent over one connection in that order after s, a subscription without a queue group, was asked for: D(s, k) and D(s, l) imply D(s, m), unless m failed; between two nodes, if On(N(p), s) holds from M(m).call to D(s, l). Unless a node said that it dropped a message.",
		"as core-publisher-order; between two nodes, interest observations",
	},
	{
		CoreNoMiss, Core, "No miss without a cause",
		"S(s).ok < M(m).call for a matching s without a queue group implies D(s, m) by Heard(x, s), where x is R(m); between two nodes x is the first delivery at s's node of something called after R(m) by way of N(p), and On(N(p), s) holds from M(m).call to x. Unless a node said that it dropped a message.",
		"subscriptions and messages; the marks connected and disconnected; answers or deliveries that follow; between two nodes, interest observations",
	},
	{
		QueueOne, Core, "One member of a queue group",
		"Of all members of a queue group D(s, m) holds for at most one, once for each call that sent m.",
		"core deliveries to subscriptions with a queue group",
	},
	{
		QueueServed, Core, "A queue group is served",
		"D(s, m) holds for a member s of each matching group, if every member that N(p) could have chosen would have had m by Heard(x, s), as in core-no-unexplained-miss, and there is one. A node that has been down for longer than a bound has no members that could.",
		"as core-no-unexplained-miss, with queue groups",
	},
	{
		ReplyCorrelates, Core, "Answers belong to their requests",
		"An answer that a request was given was called before by its responder, for this request, after the request was delivered to that client; no responder answers more often than it was delivered the request.",
		"requests that were answered, answers, and core deliveries of requests",
	},
	{
		NoRespondersTrue, Core, "No responders means nobody",
		"A request m that was refused for want of responders was delivered to nobody, and at some moment from its call to its return no subscription of another client that matches was certain: in place before at N(p), and heard of after; or passed on by N(p) throughout.",
		"requests refused for want of responders; the marks connected and disconnected",
	},
	{
		RequestAnswered, Core, "Answers arrive",
		"A request is not given up after an answer to it had certainly arrived: Heard(x, its own connection) with x as in core-no-unexplained-miss, the inbox being the subscription.",
		"requests and answers; the marks connected and disconnected; between two nodes, interest observations of inboxes",
	},
	{
		CoreProgress, Core, "Core messaging resumes after healing",
		"With H the time of the mark healed and bound B: a message called at t > H+B is routed by t+B, and delivered by then to each matching subscription without a queue group, and each matching group, that was in place by t-B and lasts beyond t+B, with a client to which something called after t came through by then; and if it is a request that somebody answered at u, before it was given up, some request of its client is given an answer by u+B.",
		"the mark healed, and messages after it that the history follows for B",
	},
}

const (
	coreDocs  = "nats.docs, nats-concepts/core-nats: at most once, in the order of each publisher"
	queueDocs = "nats.docs, nats-concepts/core-nats/queue: one member of the group is given the message"
	replyDocs = "nats.docs, nats-concepts/core-nats/reqreply: an answer, or no responders at once"
	meshRules = "DESIGN: routes are ordered sessions that resynchronise interest after a break; who is too slow is cut, not skipped"
)

var coreClaims = []Claim{
	{Reference, CoreNoPhantom, nil, meshRules},
	{Reference, CoreAtMostOnce, nil, meshRules},
	{Reference, CoreOrder, nil, meshRules},
	{Reference, CoreNoGap, nil, meshRules},
	{Reference, CoreNoMiss, nil, meshRules},
	{Reference, QueueOne, nil, meshRules},
	{Reference, QueueServed, nil, meshRules},
	{Reference, ReplyCorrelates, nil, meshRules},
	{Reference, NoRespondersTrue, nil, meshRules},
	{Reference, RequestAnswered, nil, meshRules},
	{Reference, CoreProgress, nil, meshRules},

	// NATS promises no more than at most once: what is missed, and why, is judged, not claimed.
	{NATS, CoreNoPhantom, nil, coreDocs},
	{NATS, CoreAtMostOnce, nil, coreDocs},
	{NATS, CoreOrder, nil, coreDocs},
	{NATS, QueueOne, nil, queueDocs},
	{NATS, ReplyCorrelates, nil, replyDocs},
	{NATS, NoRespondersTrue, nil, replyDocs},
	{NATS, CoreProgress, nil, coreDocs},
}
