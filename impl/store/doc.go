// Package store is how a node keeps things on disk: one write-ahead log shared by all
// its Raft groups, and for each group a directory with its messages and its checkpoint.
package store
