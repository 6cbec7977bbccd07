// Package interest is the index of who wants which subjects: a trie of tokens with "*" and
// ">", with a bounded cache of answers in front.
//
// Invariants:
//   - A Result is what a scan over all subscriptions in the order they were added would
//     give: plain subscribers in that order, queue groups sorted by name, their
//     members in that order. No map order ever shows.
//   - A Result handed out is never changed later, except one that lives in the caller's
//     own scratch. Whoever keeps one compares Gen before using it again.
//   - The cache holds at most CacheLimit answers, and none for a subject that
//     begins with InboxPrefix or is an ack's: those are used once each and would sweep out the rest.
//   - A cache hit allocates nothing.
//
// It does not pick members of queue groups, does not count interest of other nodes and
// delivers nothing: that is the broker's. It imports model/subject; impl packages may
// import it.
package interest
