package store

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/model/machine"
)

// OpenStream finds a stream's store in img. What its checkpoint does not cover is cut,
// because the log brings it back; without a checkpoint that is everything.
//
// A *DamageError means that a file does not hold what the checkpoint promised. The
// stream is returned with it, empty, with all files left alone; only Reset and Remove
// may be called then. Any other error comes without a stream: the node must not start.
func OpenStream(cfg StreamConfig, img machine.Image, fx *machine.Effects, tokens func() machine.Token) (*Stream, *Checkpoint, error) {
	if cfg.BlockBytes == 0 {
		cfg.BlockBytes = defaultBlockBytes
	}
	if err := checkBlockBytes(cfg.BlockBytes); err != nil {
		return nil, nil, err
	}
	s := &Stream{cfg: cfg, ident: dirIdentity(cfg.Dir), tokens: tokens}
	s.forget()
	names, err := list(img, cfg.Dir)
	if err != nil {
		return nil, nil, err
	}
	on := s.blocksIn(names)
	s.filed = s.listed(names, s.checkpointName())
	c, err := s.load(img, names)
	var damage *DamageError
	switch {
	case errors.As(err, &damage):
		s.forget()
		s.lost = true
		for _, n := range on {
			s.dropped = append(s.dropped, blockName(cfg.Dir, n))
		}
		return s, nil, damage
	case err != nil:
		return nil, nil, err
	}
	if s.listed(names, s.tempName()) {
		fx.Do(machine.DiskOp{Kind: machine.Remove, File: s.tempName()})
	}
	switch {
	case c != nil: // a rename that was seen may not be durable, and the one before it come back
		s.tidy(fx, img, on)
		s.ckIndex, s.ckTerm = c.Index, c.Term
		s.next, s.phase = c, renameTemp
	case len(on) > 0: // nor the removal of a checkpoint that named these blocks
		for _, n := range on {
			s.dropped = append(s.dropped, blockName(cfg.Dir, n))
		}
		s.filed, s.phase = true, dropCheckpoint
	}
	s.advance(fx)
	return s, c, nil
}

// blocksIn are the numbers of the blocks in a listing, and keeps new ones above them.
func (s *Stream) blocksIn(names []string) (on []uint64) {
	for _, name := range names {
		num, ok := strings.CutSuffix(strings.TrimPrefix(name, s.cfg.Dir+"/"), ".blk")
		n, err := strconv.ParseUint(num, 10, 64)
		if ok && err == nil && n > 0 && n < 1<<62 && strconv.FormatUint(n, 10) == num {
			on = append(on, n)
			s.number = max(s.number, n)
		}
	}
	return on
}

// load reads the checkpoint and the blocks that it names.
func (s *Stream) load(img machine.Image, names []string) (*Checkpoint, error) {
	if !s.filed {
		return nil, nil
	}
	b, bad, err := readFile(img, s.checkpointName(), -1)
	if err != nil {
		return nil, err
	}
	if len(bad) > 0 {
		return nil, &DamageError{File: s.checkpointName(), Offset: bad[0].from, Reason: "the checkpoint cannot be read", Err: machine.ErrDiskIO}
	}
	c, t, blocks, reason := parseCheckpoint(b, s.ident)
	if c == nil {
		return nil, &DamageError{File: s.checkpointName(), Reason: reason}
	}
	for i := range blocks {
		if err := s.scan(img, &blocks[i]); err != nil {
			return nil, err
		}
	}
	s.last, s.number = max(s.last, t.last), max(s.number, t.number)
	s.reckon()
	t.number = s.number // there may be newer ones
	if t != s.totals() {
		return nil, &DamageError{File: s.checkpointName(), Reason: fmt.Sprintf(
			"it has %d messages of %d bytes up to %d, its blocks %d of %d up to %d", t.count, t.bytes, t.last, s.count, s.bytes, s.last)}
	}
	return c, nil
}

func (s *Stream) listed(names []string, name string) bool {
	return slices.Contains(names, name) || slices.Contains(names, strings.TrimPrefix(name, s.cfg.Dir+"/"))
}

// scan reads one block up to the size the checkpoint gives it, and indexes the messages
// that it says are there. What lies between them does not matter any more.
func (s *Stream) scan(img machine.Image, bs *blockState) error {
	blk := &block{number: bs.number, name: blockName(s.cfg.Dir, bs.number), size: bs.size}
	data, bad, err := readFile(img, blk.name, bs.size)
	switch {
	case errors.Is(err, machine.ErrNotExist):
		return blk.broken(0, "the block is not there", nil)
	case err != nil:
		return err
	case int64(len(data)) < bs.size:
		return blk.broken(int64(len(data)), fmt.Sprintf("the block ends here and not at %d", bs.size), nil)
	}
	s.blocks = append(s.blocks, blk)
	s.number = max(s.number, bs.number)
	for _, run := range bs.runs {
		if i := slices.IndexFunc(bad, func(b span) bool { return b.from < run.to && run.from < b.to }); i >= 0 {
			return blk.broken(max(bad[i].from, run.from), "the block cannot be read", machine.ErrDiskIO)
		}
		for off := run.from; off < run.to; {
			r, ok := parseBlock(data[off:run.to], blockIdentity(s.ident, bs.number, off))
			if !ok || r.seq <= s.last || len(blk.msgs) > 0 && r.seq-blk.base > maxSpan {
				return blk.broken(off, "there is no valid record", nil)
			}
			s.index(blk, off, &Message{Seq: r.seq, Time: r.time, Subject: s.subjects.intern(r.subject)}, r.size)
			off += int64(r.size)
		}
	}
	return nil
}

// tidy cuts the blocks to what was indexed; the others go once the checkpoint is durable.
func (s *Stream) tidy(fx *machine.Effects, img machine.Image, on []uint64) {
	for _, n := range on {
		name := blockName(s.cfg.Dir, n)
		i := slices.IndexFunc(s.blocks, func(b *block) bool { return b.number == n })
		if i < 0 {
			s.dying = append(s.dying, name)
			continue
		}
		if size, err := sizeOf(img, name); err != nil || size > s.blocks[i].size {
			fx.Do(machine.DiskOp{Kind: machine.Truncate, File: name, Off: s.blocks[i].size})
		}
	}
}
