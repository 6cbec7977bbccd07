// Package proto is what the Kafka-style broker, its clients and its peers say to each other: record batches,
// requests, responses, and their bytes.
//
// It has Kafka's meanings (field names, error codes, what each request asks) in a form of its own: no versions, no tagged
// fields, partitions named by the number that metadata gave them. A request on a connection is
//
//	u32 length | u8 api | u32 correlation | body
//
// and its response u32 length | u32 correlation | body. Between brokers the same bodies travel as frames. A batch keeps
// Kafka's layout in what matters: the base offset and the leader epoch, which a leader sets, lie outside its checksum.
//
// Invariant: decoding never panics and allocates no more than its input is long; what is wrong is an *Error that says
// where.
//
// It imports model and the standard library. Brokers and clients of the Kafka protocol import it.
package proto
