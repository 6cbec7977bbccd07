package proto

import (
	"encoding/binary"
	"hash/crc32"
)

// A batch is, little-endian:
//
//	 0 base    i64  offset of its first record
//	 8 length  u32  of everything behind this field
//	12 epoch   i32  of the leader that appended it
//	16 sum     u32  CRC-32C of everything behind it
//	20 pid     i64  producer, -1 if it is not idempotent
//	28 pepoch  i16  of the producer
//	30 seq     i32  of the first record, in the producer's count
//	34 count   u32  of records
//
// followed by the records, each a varint length and its bytes (KIP-98's layout, without what nobody here reads).
const (
	batchHeader = 38
	batchPrefix = 12
	// MaxBatch is the most bytes of a batch (message.max.bytes, 1 MiB, and some room).
	MaxBatch = 1<<20 + 4096
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Batch is a decoded batch; its records are parts of the input.
type Batch struct {
	Base    int64
	Epoch   int32
	PID     int64
	PEpoch  int16
	Seq     int32
	Records [][]byte
}

// NoProducer is the PID of a batch without idempotence.
const NoProducer int64 = -1

// AppendBatch appends b's bytes.
func AppendBatch(dst []byte, b *Batch) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, batchHeader)...)
	for _, r := range b.Records {
		dst = binary.AppendUvarint(dst, uint64(len(r)))
		dst = append(dst, r...)
	}
	h, le := dst[at:], binary.LittleEndian
	le.PutUint64(h, uint64(b.Base))
	le.PutUint32(h[8:], uint32(len(h)-batchPrefix))
	le.PutUint32(h[12:], uint32(b.Epoch))
	le.PutUint64(h[20:], uint64(b.PID))
	le.PutUint16(h[28:], uint16(b.PEpoch))
	le.PutUint32(h[30:], uint32(b.Seq))
	le.PutUint32(h[34:], uint32(len(b.Records)))
	le.PutUint32(h[16:], crc32.Checksum(h[20:], castagnoli))
	return dst
}

// AppendRecord appends a record's bytes: its key, which is where the load says what the message is about, and its value.
func AppendRecord(dst, key, value []byte) []byte {
	return append(putBytes(dst, key), value...)
}

// SplitRecord takes a record apart; one that is none has no key.
func SplitRecord(record []byte) (key, value []byte) {
	r := reader{p: record}
	key = r.bytes()
	if r.err != nil {
		return nil, record
	}
	return key, r.p
}

// Stamp sets what a leader decides of an encoded batch.
func Stamp(batch []byte, base int64, epoch int32) {
	binary.LittleEndian.PutUint64(batch, uint64(base))
	binary.LittleEndian.PutUint32(batch[12:], uint32(epoch))
}

// Head is what can be read of a batch without its records.
type Head struct {
	Base   int64
	Epoch  int32
	PID    int64
	PEpoch int16
	Seq    int32
	Count  int32
	Size   int
}

// SeqAfter is the sequence number n records on: it goes from 2^31-1 to 0 (DefaultRecordBatch.incrementSequence).
func SeqAfter(seq, n int32) int32 { return int32((int64(seq) + int64(n)) & (1<<31 - 1)) }

// Next is the offset behind the batch.
func (h *Head) Next() int64 { return h.Base + int64(h.Count) }

// ReadHead reads the batch at the front of p and checks its sum; ok is false if there is no whole, sound batch of at
// least one record.
func ReadHead(p []byte) (h Head, ok bool) {
	le := binary.LittleEndian
	if len(p) < batchHeader {
		return h, false
	}
	size := uint64(le.Uint32(p[8:])) + batchPrefix
	if size < batchHeader || size > MaxBatch || size > uint64(len(p)) || crc32.Checksum(p[20:size], castagnoli) != le.Uint32(p[16:]) {
		return h, false
	}
	h = Head{
		Base: int64(le.Uint64(p)), Epoch: int32(le.Uint32(p[12:])), PID: int64(le.Uint64(p[20:])), PEpoch: int16(le.Uint16(p[28:])),
		Seq: int32(le.Uint32(p[30:])), Count: int32(le.Uint32(p[34:])), Size: int(size),
	}
	return h, h.Count > 0 && int(h.Count) <= h.Size-batchHeader
}

// ParseBatch decodes the batch at the front of p.
func ParseBatch(p []byte) (b Batch, size int, err error) {
	h, ok := ReadHead(p)
	if !ok {
		return b, 0, &Error{"batch", "is cut short or its checksum is wrong"}
	}
	b = Batch{Base: h.Base, Epoch: h.Epoch, PID: h.PID, PEpoch: h.PEpoch, Seq: h.Seq, Records: make([][]byte, 0, h.Count)}
	r := reader{p: p[batchHeader:h.Size], where: "batch"}
	for range h.Count {
		b.Records = append(b.Records, r.bytes())
	}
	if err := r.end(); err != nil {
		return b, 0, err
	}
	return b, h.Size, nil
}

// EachBatch calls f with the bytes of every batch in p until f returns false; it returns what follows the last sound one.
func EachBatch(p []byte, f func(h Head, batch []byte) bool) (rest []byte) {
	for len(p) > 0 {
		h, ok := ReadHead(p)
		if !ok || !f(h, p[:h.Size:h.Size]) {
			return p
		}
		p = p[h.Size:]
	}
	return nil
}
