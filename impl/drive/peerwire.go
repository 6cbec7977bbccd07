package drive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"time"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Both ends of a peer connection begin with a hello: magic, version, link, who they are, whom
// they mean to talk to, and a hash of the cluster's name. Frames follow, each behind its
// length. All numbers are little-endian.
const (
	helloLen     = 32
	helloMagic   = "brkrlab\n"
	helloVersion = 1
	helloWait    = 5 * time.Second
	frameHead    = 4
)

type hello struct {
	link     machine.Link
	from, to machine.NodeID
	cluster  uint64
}

func clusterHash(name string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, name) // never fails
	return h.Sum64()
}

func (h hello) bytes() []byte {
	b := append(make([]byte, 0, helloLen), helloMagic...)
	b = append(b, helloVersion, byte(h.link), 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(h.from))
	b = binary.LittleEndian.AppendUint32(b, uint32(h.to))
	b = append(b, 0, 0, 0, 0)
	return binary.LittleEndian.AppendUint64(b, h.cluster)
}

func parseHello(b []byte) (h hello, err error) {
	switch {
	case len(b) != helloLen || string(b[:8]) != helloMagic:
		return h, errors.New("not a peer of ours")
	case b[8] != helloVersion:
		return h, fmt.Errorf("peer protocol version %d, want %d", b[8], helloVersion)
	case machine.Link(b[9]) >= machine.Links:
		return h, fmt.Errorf("no link %d", b[9])
	}
	return hello{
		link:    machine.Link(b[9]),
		from:    machine.NodeID(binary.LittleEndian.Uint32(b[12:])),
		to:      machine.NodeID(binary.LittleEndian.Uint32(b[16:])),
		cluster: binary.LittleEndian.Uint64(b[24:]),
	}, nil
}

func writeHello(nc net.Conn, h hello) error {
	_, err := nc.Write(h.bytes())
	return err
}

func readHello(nc net.Conn) (hello, error) {
	var b [helloLen]byte
	if _, err := io.ReadFull(nc, b[:]); err != nil {
		return hello{}, err
	}
	return parseHello(b[:])
}

// frameReader cuts a byte stream into frames.
type frameReader struct {
	buf  []byte
	r, w int
	max  int
}

const (
	frameBuf    = 64 << 10
	frameBufMax = 256 << 10
)

// next returns the next whole frame in the buffer, valid until fill; nil if there is none.
func (f *frameReader) next() ([]byte, error) {
	n, err := f.need()
	if err != nil || f.w-f.r < n {
		return nil, err
	}
	p := f.buf[f.r+frameHead : f.r+n]
	f.r += n
	return p, nil
}

// need is the length of the next frame with its head.
func (f *frameReader) need() (int, error) {
	if f.w-f.r < frameHead {
		return frameHead, nil
	}
	n := binary.LittleEndian.Uint32(f.buf[f.r:])
	if int64(n) > int64(f.max) {
		return 0, fmt.Errorf("a frame of %d bytes, at most %d are allowed", n, f.max)
	}
	return frameHead + int(n), nil
}

// fill reads more, growing the buffer for a busy peer or a long frame, and shrinking it after one.
func (f *frameReader) fill(src io.Reader) error {
	need, err := f.need()
	if err != nil {
		return err
	}
	size := max(len(f.buf), frameBuf)
	switch {
	case need > size:
		size = need
	case size > frameBufMax && need <= frameBufMax && f.w-f.r <= frameBufMax/2:
		size = frameBufMax
	case f.w == len(f.buf) && f.w > 0 && size < frameBufMax:
		size *= 2
	}
	to := f.buf
	if size != len(f.buf) {
		to = make([]byte, size)
	}
	f.w = copy(to, f.buf[f.r:f.w])
	f.r, f.buf = 0, to
	n, err := src.Read(f.buf[f.w:])
	f.w += n
	return err
}
