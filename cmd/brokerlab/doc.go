// Command brokerlab runs experiments in a simulated world, replays and judges them, and
// explains what it found.
//
// It parses flags and calls experiments; nothing is decided here. The last line on standard
// output says what the world did, the exit status whether that was as claimed or expected:
// 0 yes, 1 no, 2 unknown, 3 a replay diverged, 64 what was asked for makes no sense.
package main
