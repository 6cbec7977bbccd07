// Package history is the recorded history of a run: what clients asked for and were
// told, what the nodes were seen to do, and which faults struck, in one order.
//
// Its file form is JSON lines: a Header, then one Event a line in index order. It is
// written by the simulator's runner, by recorders of real clusters and by converters,
// and read by checkers, reports and notebooks.
//
// Invariants:
//   - Event.Index is strictly increasing: it is the real-time order, and ties in
//     virtual time never make two operations concurrent.
//   - An operation has one invoke and at most one completion: ok, fail (it certainly had no
//     effect) or info (nobody knows). No completion means info.
//
// # Conventions that judges rely on
//
// Retries. A publish that is tried again under one deduplication id is a new operation with the same ID and Value;
// apart from these no value is published twice. The Why of a publish's invoke is its rollup: "sub", "all" or none.
//
// Core messaging. A Subscribe's operation number names the subscription: deliveries carry it in Sub. A subscription ends
// with the invoke of its Unsubscribe. A client that finds its connection gone records Disconnected and an Unsubscribe
// (Why ConnLost, completed at once as Info) for each subscription, and subscribes anew under new numbers once it is connected
// again. Over one connection bytes arrive in order and whole, so what a lost connection takes is the end: everything
// that the server wrote before the PONG of a Flush that went well has arrived. A Send that is ok had been read, and routed, by
// the server; one that is info may have been. So had an Answer, Subscribe or Unsubscribe that is ok. What is invoked while
// its client is connected goes over that connection or not at all; a Subscribe that waits for one goes over the next.
// Answer is a Send to a reply subject (its Subject); Request and Answer of one exchange are tied by the request's Value,
// which an answer's Value begins with, followed by "@" and the answering client.
//
// Consumers. A Deliver with Verb consume carries Stream, Consumer, Seq, CSeq, N (how many times the message has been
// delivered, from 1; 0 if the broker does not count), Stamp, Value, Client, and in Op the Fetch it came by (0 for push). Ack, Nak, Term and
// Progress carry the delivery's Seq, CSeq and N; one that asks for no confirmation has no completion; an OK means that the
// broker has applied it. Header.Streams says what consumers there are and how they are configured. The invoke of a Fetch
// carries in N how many messages it asks for. A consumer whose name is created again after it was deleted is another
// one, and is not judged. A ConsumerInfo answered after healing with nothing pending and nothing unsettled says that
// whatever the consumer covered by then has been delivered.
//
// Operations. The invocation carries what was asked, the completion what was answered; a field
// that both could carry may be left out of the completion. An answer counts as OK or Fail only
// if its meaning is certain; everything else is Info. Values are unique over a run. A refused
// conditional publish is a Fail with Why WrongLast, and Actual if the refusal named a number.
//
// Observations. Kind Obs, Verb the name of a machine.ObsKind. Value is set if the recorder knows
// the content behind Hash; two contents are compared by Hash if both have one, else by Value.
// "stored" and "applied" are statements about committed state. "recovered" {Node, Stream, First,
// Seq} says that Node's store of Stream now holds only First to Seq of what it held, and nothing
// if Seq < First. Between a node's Down and its next "recovered" of a stream,
// nobody knows what its store of that stream holds. "removed" with a Why is a removal by a
// declared rule (machine.Rule...): such a message is not lost. A node that is "damaged" in a Group takes no part in it until
// it has "rejoined" as another Member: what Member did and what Node did under another id are two members' deeds, and votes.
// "harmed" says that the disk, and not the node, is to blame.
//
// The final drain. After Healed, for each stream some client reads sequence 1, 2, 3, ... with
// Final set (each again until it is answered) until an answer is not-found for a sequence above
// the last; then, when the replicas have had time to catch up, the mark Drained is recorded.
// A stream counts as drained only if a final read above its highest finally read message was
// answered not-found: what is above is then known to be gone, and a sequence below whose final
// read was never answered stays undecided. A final NextOf without a subject may take the place of reads: its answer says that
// nothing lies between what it asked for and what it found. Without Drained, nothing is known to be lost.
//
// It holds no judgement and knows no broker. It imports the standard library only.
package history
