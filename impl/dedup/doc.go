// Package dedup is a stream's duplicate window: the ids (Nats-Msg-Id) of the messages that it stored lately, and
// their sequences.
//
// Time is what its caller says it is: stamps of log entries, which never decrease, so that every replica that
// applies the same log remembers the same ids.
//
// Invariants:
//   - An id is found from the stamp of its message until the stamps have moved on by the window, not at it.
//   - Finding an id does not refresh it.
//   - Encoding keeps the order of the log, and what was encoded decodes to the same window.
//
// Memory is bounded by what the window lets through: every id stored within it, and nothing else. It sees
// nothing but the standard library; impl/broker uses it.
package dedup
