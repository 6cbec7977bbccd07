// Package subject holds the laws of subjects: which are well formed, what a filter
// matches, and whether two filters can meet.
//
// A subject is a sequence of tokens joined by dots. In a filter the token "*" stands for
// exactly one token and a final ">" for one or more; inside a longer token the two
// characters are ordinary ones, as in nats-server.
//
// Invariant: Match, Overlap and Subset agree with the reading of a filter as the set of
// literal subjects it names. They expect well-formed arguments; on others they answer
// something, and never panic.
//
// It keeps no index (impl/interest does) and knows no stream or permission. It imports
// nothing; everyone may import it.
package subject
