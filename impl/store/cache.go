package store

import "slices"

// cache holds the newest messages, up to a number of bytes: the oldest goes first.
type cache struct {
	msgs  []cached
	from  int // the oldest still held; those before it are gone
	bytes int64
}

type cached struct {
	m    Message
	size int64
}

func (c *cache) add(m Message, size, limit int64) {
	c.msgs = append(c.msgs, cached{m, size})
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
	held := c.msgs[c.from:]
	i, ok := slices.BinarySearchFunc(held, seq, func(e cached, seq uint64) int {
		switch {
		case e.m.Seq < seq:
			return -1
		case e.m.Seq > seq:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	return &held[i].m
}

// cut drops the messages after seq.
func (c *cache) cut(seq uint64) {
	for n := len(c.msgs); n > c.from && c.msgs[n-1].m.Seq > seq; n = len(c.msgs) {
		c.bytes -= c.msgs[n-1].size
		c.msgs[n-1] = cached{}
		c.msgs = c.msgs[:n-1]
	}
}
