// Package bench measures acknowledged publishes of brokerlab beside nats-server, both syncing
// before they acknowledge, on one machine: one node or three, with few and many synchronous
// clients and with asynchronous ones.
//
//	go test ./impl/drive/bench -bench . -run '^$' -args -nodes 3 -rounds 5 -time 2s -only sync16,async1
//
// Every server is a process of its own; all are up at once, and each round measures every
// workload on each in turn, so that a slow minute of the disk falls on both. It prints medians,
// the ratio of medians with the spread of brokerlab's rounds, latency, processor time of the
// servers a publish, and checks that each stream holds exactly what was acknowledged.
//
// The client is nats.go with one shared inbox a connection: where the client is the bottleneck
// the ratio of rates understates the difference, and the processor time does not.
//
// The package is tests only: nothing imports it.
package bench
