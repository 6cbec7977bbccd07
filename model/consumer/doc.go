// Package consumer is a consumer's configuration, as the NATS JetStream API has it, with its
// defaults and rules.
//
// Invariants:
//   - A configuration is judged once, by Validate, with the error that nats-server would give; whoever holds a
//     validated one need not look again.
//   - What is not served is refused by name, never accepted and ignored.
//
// It holds no state of a consumer and no behaviour: that is impl/consumer's and the broker's. It imports
// model/subject, model/stream and the standard library; everyone may import it.
package consumer
