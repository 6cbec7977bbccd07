// Package disk is one node's disk: files with a page cache that survives a process crash and
// a medium that survives a power failure, as plain calls.
//
// The world calls Issue when a machine asks for an operation, waits until Due, and calls
// Complete, which performs it: effects are visible in the cache from completion on. Operations
// on one file complete strictly in the order of issue; SyncDir follows everything issued before
// it that may make or unmake a name of that directory; otherwise files are independent. What was issued and is not
// completed at a crash may have happened or not.
//
// What the model promises a machine, and no more (field/simulation.md 3a):
//
//	D1  a process crash loses nothing that had completed
//	D2  a power failure keeps a subset of the unsynced changes, closed under their dependencies
//	D3  a write is accepted, not durable; it may become so at any time, in any order
//	D4  a sync makes durable the bytes and the size of its file as of its issue, not its name
//	D5  a rename is atomic, and not ordered after the bytes of the file
//	D6  creation, removal and truncation are pending changes too; bytes cut off may resurface
//	    if the file grows again
//	D7  the atom is a sector; a sector that a file grew over and that was not written is zeros,
//	    garbage, or what another file once held there
//	D12 a full disk accepts a prefix, at most to the end of the last block
//	D13 a failed sync reports once, and marks its pages clean
//	D15 slow and hanging disks
//
// And what it does when asked to be worse than that (media.go):
//
//	D10 a bit of synced bytes flips, and stays so until it is written again
//	D16 the end of a synced file is gone
//	D17 the whole disk is replaced by an empty one
//
// The cache holds a file's bytes once. The medium is not stored: it is the cache less the
// pending changes, each of which carries what it overwrote. A sync therefore costs nothing but
// forgetting them. Within a sector changes are ordered (a page is written back as it stands),
// as are the sizes of one file (a journal keeps them so); all else is free.
//
// Left for later, each with its place: D8 lost, D9 misdirected writes and D18 reordering across a sync
// (where a sync settles changes), D11 unreadable sectors (Read and Image), D14
// read-only remount (beside full), the rest of D16 and D17 (names astray, old disks put back), a
// full disk noticed only at a sync. Directories exist without being made; the space
// of a removed file is free at once; there is no cache eviction, so reads are served from memory.
//
// Invariant: every choice is drawn from (seed, node, operation number) or (seed, node, power
// failure number), never from a stream; no map order reaches a result.
//
// It imports model/machine, sim/choice and the standard library; sim imports it.
package disk
