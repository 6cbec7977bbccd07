package broker

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/brokerlab/brokerlab/impl/dedup"
	"github.com/brokerlab/brokerlab/model/stream"
)

// streamStateForm is the first byte of a stream's state in checkpoints and snapshots. A broker that finds another
// one cannot know what it says.
const streamStateForm = 1

// streamRecord is a stream's state beyond its messages, as checkpoints and snapshots have it:
//
//	form, clock, stamp, last id, version, configuration (JSON), duplicate window, consumers
//
// Numbers are varints, texts are preceded by their length.
type streamRecord struct {
	clock, stamp int64
	lastID       string
	version      uint64
	cfg          stream.Config
	ids          dedup.Window
	consumers    []byte
}

func (r *streamRecord) encode() []byte {
	dst := []byte{streamStateForm}
	dst = binary.AppendVarint(dst, r.clock)
	dst = binary.AppendVarint(dst, r.stamp)
	dst = appendBytes(dst, []byte(r.lastID))
	dst = binary.AppendUvarint(dst, r.version)
	dst = appendBytes(dst, marshal(r.cfg))
	dst = r.ids.Append(dst)
	return appendBytes(dst, r.consumers)
}

var errCutShort = errors.New("cut short")

func decodeStreamRecord(p []byte) (r *streamRecord, err error) {
	if len(p) == 0 || p[0] != streamStateForm {
		return nil, fmt.Errorf("%d bytes are not of form %d", len(p), streamStateForm)
	}
	c := cursor{p: p[1:]}
	r = &streamRecord{clock: c.varint(), stamp: c.varint(), lastID: string(c.bytes()), version: c.uvarint()}
	cfg := c.bytes()
	if c.err != nil {
		return nil, c.err
	}
	if r.cfg, err = stream.Parse(cfg); err != nil {
		return nil, err
	}
	if c.p, err = r.ids.Decode(c.p); err != nil {
		return nil, err
	}
	r.consumers = c.bytes()
	if c.err == nil && len(c.p) > 0 {
		return nil, fmt.Errorf("%d bytes too many", len(c.p))
	}
	return r, c.err
}

// cursor reads what came from a disk or a peer; err is set by what is not there.
type cursor struct {
	p   []byte
	err error
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.p)
	c.skip(n)
	return v
}

func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.p)
	c.skip(n)
	return v
}

func (c *cursor) bytes() []byte {
	n := c.uvarint()
	if n > uint64(len(c.p)) {
		c.skip(0)
		return nil
	}
	b := c.p[:n:n]
	c.p = c.p[n:]
	return b
}

// skip passes n bytes; none is none where some had to be.
func (c *cursor) skip(n int) {
	if n <= 0 {
		c.p, c.err = nil, errCutShort
		return
	}
	c.p = c.p[n:]
}

func (s *streamState) encode() []byte {
	r := streamRecord{
		clock: s.clock, stamp: s.stamp, lastID: s.lastID, version: s.version, cfg: s.cfg, ids: s.ids, consumers: s.consumers.encode(),
	}
	return r.encode()
}

func (s *streamState) decode(text []byte) error {
	r, err := decodeStreamRecord(text)
	if err == nil {
		err = s.consumers.decode(r.consumers)
	}
	if err != nil {
		return fmt.Errorf("state of stream %s: %w", s.name(), err)
	}
	s.configure(r.cfg, r.version)
	s.clock, s.stamp, s.lastID, s.ids = r.clock, r.stamp, r.lastID, r.ids
	if s.g.b.bug(BugForgetIDs) {
		s.ids = dedup.Window{}
	}
	return nil
}
