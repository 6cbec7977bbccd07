package store

import (
	"cmp"
	"slices"
)

// cache holds the newest messages, up to a number of bytes: the oldest goes first. Those
// that were removed count until then, for their bytes lie among the others.
type cache struct {
	msgs  []cached
	from  int // the oldest still held; those before it are gone
	bytes int64
}

type cached struct {
	m    Message
	size int64
	gone bool
}

func (c *cache) add(m Message, size, limit int64) {
	c.msgs = append(c.msgs, cached{m: m, size: size})
	c.bytes += size
	for c.bytes > limit && c.from < len(c.msgs) {
		c.bytes -= c.msgs[c.from].size
		c.msgs[c.from] = cached{}
		c.from++
	}
	if c.from > 64 && c.from > len(c.msgs)/2 {
		n := copy(c.msgs, c.msgs[c.from:])
		clear(c.msgs[n:])
		c.msgs, c.from = c.msgs[:n], 0
	}
}

func (c *cache) get(seq uint64) *Message {
	if e := c.find(seq); e != nil {
		return &e.m
	}
	return nil
}

func (c *cache) find(seq uint64) *cached {
	held := c.msgs[c.from:]
	if len(held) == 0 || seq < held[0].m.Seq {
		return nil
	}
	i, ok := slices.BinarySearchFunc(held, seq, func(e cached, seq uint64) int { return cmp.Compare(e.m.Seq, seq) })
	if !ok || held[i].gone {
		return nil
	}
	return &held[i]
}

func (c *cache) remove(seq uint64) {
	if e := c.find(seq); e != nil {
		e.m, e.gone = Message{Seq: seq}, true
	}
}

// cut drops the messages after seq.
func (c *cache) cut(seq uint64) {
	for n := len(c.msgs); n > c.from && c.msgs[n-1].m.Seq > seq; n = len(c.msgs) {
		c.bytes -= c.msgs[n-1].size
		c.msgs[n-1] = cached{}
		c.msgs = c.msgs[:n-1]
	}
}
