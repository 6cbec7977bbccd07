// Package memdisk is a disk in memory for tests of brokers: files by name, which are an image of themselves.
//
// Invariant: an operation takes effect when Do is called, whole and in the order of the calls. What a crash leaves, and when an
// operation ends, is the test's to say; sim/disk is the disk that fails.
//
// Tests under impl import it; it imports model/machine.
package memdisk
