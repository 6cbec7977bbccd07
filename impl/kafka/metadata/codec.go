package metadata

import (
	"encoding/binary"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
)

// Kinds of commands, the first byte of each. They are in logs: numbers are never given again.
const (
	kindRegister byte = iota + 1
	kindFence
	kindUnfence
	kindCreate
	kindAlter
	kindProducer
	kindElect
)

// Append appends a command's bytes.
func (c *Command) Append(dst []byte) []byte {
	session := func(kind byte, s *Session) []byte {
		return binary.AppendUvarint(binary.AppendUvarint(append(dst, kind), uint64(s.Broker)), s.Epoch)
	}
	switch {
	case c.Register != nil:
		return c.Register.Append(append(dst, kindRegister))
	case c.Fence != nil:
		return session(kindFence, c.Fence)
	case c.Unfence != nil:
		return session(kindUnfence, c.Unfence)
	case c.Create != nil:
		return c.Create.Append(append(dst, kindCreate))
	case c.Alter != nil:
		return c.Alter.Append(append(dst, kindAlter))
	case c.NewProducer:
		return append(dst, kindProducer)
	}
	return append(dst, kindElect)
}

// ParseCommand is the inverse of Append.
func ParseCommand(p []byte) (c Command, err error) {
	if len(p) == 0 {
		return c, &proto.Error{Where: "command", Why: "is empty"}
	}
	kind, body := p[0], p[1:]
	session := func() (*Session, error) {
		id, n := binary.Uvarint(body)
		epoch, m := binary.Uvarint(body[max(n, 0):])
		if n <= 0 || m <= 0 || n+m != len(body) {
			return nil, &proto.Error{Where: "command", Why: "is cut short"}
		}
		return &Session{uint32(id), epoch}, nil
	}
	switch kind {
	case kindRegister:
		c.Register = &proto.RegisterRequest{}
		err = proto.Decode(body, c.Register, "register")
	case kindFence:
		c.Fence, err = session()
	case kindUnfence:
		c.Unfence, err = session()
	case kindCreate:
		c.Create = &proto.CreateTopicRequest{}
		err = proto.Decode(body, c.Create, "create")
	case kindAlter:
		c.Alter = &proto.AlterPartitionRequest{}
		err = proto.Decode(body, c.Alter, "alter")
	case kindProducer:
		c.NewProducer = true
	case kindElect:
		c.Elect = true
	default:
		err = &proto.Error{Where: "command", Why: "has an unknown kind"}
	}
	return c, err
}
