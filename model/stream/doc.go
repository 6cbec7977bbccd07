// Package stream is the configuration of streams as NATS clients write it: JSON form,
// defaults and validation.
//
// Invariant: a Config that passed Validate is served exactly as written; what this broker does
// not do yet is refused by name, never accepted and ignored.
//
// It holds no state of a stream and knows no broker. It imports model/subject and the
// standard library; everyone may import it.
package stream
