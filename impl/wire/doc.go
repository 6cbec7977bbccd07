// Package wire turns bytes into what they say and back: the NATS client protocol, from both
// ends, and the frames that brokers exchange.
//
// Invariants:
//   - A parser gives its handler the same calls however the bytes are cut.
//   - No input makes a parser or decoder panic, or allocate more than a small multiple of
//     the input's length; what is wrong is an error that names it.
//   - Slices given to a handler, and fields of a decoded frame that say so, point into the input
//     and are valid only as long as it is. DecodeRaft is the exception: it copies.
//   - Decoding what was encoded gives back every field.
//
// It keeps no state of sessions (who has connected, which subscriptions exist), judges no
// subject, and does no framing of peer links: a frame arrives whole. It imports etcd raft's
// message types; impl packages may import it.
package wire
