// Package consumer is a consumer's configuration, as the NATS JetStream API has it, with its
// defaults and rules.
//
// Invariant: a configuration is judged once, by Validate, which lists every fault; whoever holds a
// validated one need not look again.
//
// It holds no state of a consumer and no behaviour: that is the broker's. It imports
// model/subject and the standard library; everyone may import it.
package consumer
