package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
)

// A checkpoint file, little-endian: magic u32, sum u32 (CRC-32C of everything behind it,
// begun from the directory), index u64, term u64, last sequence u64, number of messages
// u64, their bytes u64, number of the newest block ever u64, length of the table of
// blocks u64, that table, and the caller's state to the end.
//
// The table lists the blocks in the order of their messages, as uvarints: number, size,
// and the runs of records that are there, each as the bytes to pass over and the bytes
// to read; a run of 0 bytes ends them. Everything else in a block is gone, whatever it
// says. So a removal writes nothing of its own: above the checkpoint the log has it.
const (
	checkpointMagic  = 0x32544b43 // "CKT2"
	checkpointHeader = 64
)

func checkpointIdentity(dir uint64) uint32 { return blockIdentity(dir, ^uint64(0), 0) }

// totals are what a checkpoint says of the messages as a whole.
type totals struct{ last, count, bytes, number uint64 }

func (s *Stream) totals() totals { return totals{s.last, s.count, s.bytes, s.number} }

func putCheckpoint(b []byte, dir uint64, c *Checkpoint, t totals, blocks []byte) {
	le := binary.LittleEndian
	le.PutUint32(b, checkpointMagic)
	for i, v := range [...]uint64{c.Index, c.Term, t.last, t.count, t.bytes, t.number, uint64(len(blocks))} {
		le.PutUint64(b[8+8*i:], v)
	}
	copy(b[checkpointHeader:], blocks)
	copy(b[checkpointHeader+len(blocks):], c.State)
	le.PutUint32(b[4:], crc32.Update(checkpointIdentity(dir), castagnoli, b[8:]))
}

func parseCheckpoint(b []byte, dir uint64) (c *Checkpoint, t totals, blocks []blockState, reason string) {
	le := binary.LittleEndian
	if len(b) < checkpointHeader || le.Uint32(b) != checkpointMagic {
		return nil, t, nil, "it is not a checkpoint"
	}
	if crc32.Update(checkpointIdentity(dir), castagnoli, b[8:]) != le.Uint32(b[4:]) {
		return nil, t, nil, "the checksum does not fit"
	}
	c = &Checkpoint{Index: le.Uint64(b[8:]), Term: le.Uint64(b[16:])}
	t = totals{le.Uint64(b[24:]), le.Uint64(b[32:]), le.Uint64(b[40:]), le.Uint64(b[48:])}
	n, rest := le.Uint64(b[56:]), b[checkpointHeader:]
	if n > uint64(len(rest)) {
		return nil, t, nil, fmt.Sprintf("its table of blocks has %d bytes of %d", n, len(rest))
	}
	c.State = slices.Clone(rest[n:])
	if blocks, reason = parseBlocks(rest[:n]); reason != "" {
		return nil, t, nil, reason
	}
	return c, t, blocks, ""
}

// blockState is one block as a checkpoint covers it.
type blockState struct {
	number uint64
	size   int64
	runs   []span // of records that are there
}

func parseBlocks(b []byte) (blocks []blockState, reason string) {
	wrong := false
	number := func() (v uint64) {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			b, wrong = nil, true
			return 0
		}
		b = b[n:]
		return v
	}
	seen := map[uint64]bool{}
	for len(b) > 0 {
		bs := blockState{number: number(), size: int64(number())}
		end := uint64(0)
		for !wrong {
			skip, take := number(), number()
			if take == 0 {
				break
			}
			from := end + skip
			end = from + take
			if from < skip || end < take || end > uint64(bs.size) {
				return nil, fmt.Sprintf("block %d of %d bytes has messages up to %d", bs.number, bs.size, end)
			}
			bs.runs = append(bs.runs, span{int64(from), int64(end)})
		}
		if wrong || bs.size <= 0 || len(bs.runs) == 0 || seen[bs.number] {
			return nil, fmt.Sprintf("block %d of %d bytes is out of place", bs.number, bs.size)
		}
		seen[bs.number] = true
		blocks = append(blocks, bs)
	}
	return blocks, ""
}

// appendState adds what the table of blocks says of b.
func (b *block) appendState(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, b.number)
	dst = binary.AppendUvarint(dst, uint64(b.size))
	if b.runs == nil {
		b.runs = b.encodeRuns(make([]byte, 0, 8))
	}
	return append(dst, b.runs...)
}

func (b *block) encodeRuns(dst []byte) []byte {
	end, run := int64(0), span{}
	put := func() {
		dst = binary.AppendUvarint(dst, uint64(run.from-end))
		dst = binary.AppendUvarint(dst, uint64(run.to-run.from))
		end = run.to
	}
	if b.alive == b.size { // all of it
		run.to = b.size
		put()
		return append(dst, 0, 0)
	}
	for i := range b.msgs {
		m := &b.msgs[i]
		switch {
		case m.size == 0:
		case run.to > 0 && run.to == int64(m.off):
			run.to += int64(m.size)
		default:
			if run.to > 0 {
				put()
			}
			run = span{int64(m.off), int64(m.off) + int64(m.size)}
		}
	}
	put()
	return append(dst, 0, 0)
}

// phase is how far the writing of a checkpoint, or an emptying, has come. Each phase
// waits for the disk before the next one begins, because only operations on one file
// keep their order.
type phase uint8

const (
	idle phase = iota
	// syncBlocks: the blocks become durable.
	syncBlocks
	// nameBlocks: their names do.
	nameBlocks
	// writeTemp: the new checkpoint is written under another name, and synced.
	writeTemp
	// renameTemp: it takes the place of the old one.
	renameTemp
	// syncRename: that becomes durable.
	syncRename
	// dropCheckpoint: the checkpoint is removed,
	dropCheckpoint
	// syncDrop: durably, before what it names.
	syncDrop
)

// CanCheckpoint says whether StartCheckpoint would begin one.
func (s *Stream) CanCheckpoint() bool { return s.err == nil && s.phase == idle && !s.gone }

// StartCheckpoint begins to write a checkpoint: the messages appended so far, and state,
// are those after entry index of term. It returns false if one is under way. Flush drives
// it on; state is copied.
func (s *Stream) StartCheckpoint(fx *machine.Effects, index, term uint64, state []byte) bool {
	if !s.CanCheckpoint() {
		return false
	}
	s.writeOut(fx)
	if k := len(s.blocks) - 1; k >= 0 && len(s.blocks[k].msgs) == 0 {
		s.retire(k)
	}
	s.next = &Checkpoint{Index: index, Term: term, State: slices.Clone(state)}
	s.nextTotals, s.nextBlocks, s.nextFresh = s.totals(), nil, false
	for _, b := range s.blocks {
		if b.dirty {
			s.issue(fx, machine.DiskOp{Kind: machine.Sync, File: b.name})
		}
		s.nextFresh = s.nextFresh || b.fresh
		b.dirty, b.fresh = false, false
		s.nextBlocks = b.appendState(s.nextBlocks)
	}
	if len(s.views) == 0 { // a view may read what is retired
		s.dying, s.retired = append(s.dying, s.retired...), nil
	}
	s.phase = syncBlocks
	s.advance(fx)
	return true
}

// syncNames makes the names in the stream's directory durable; the first time in a boot
// also those of the directories above it.
func (s *Stream) syncNames(fx *machine.Effects) {
	s.issue(fx, machine.DiskOp{Kind: machine.SyncDir, File: s.cfg.Dir})
	if s.rooted {
		return
	}
	for _, d := range parents(s.cfg.Dir) {
		s.issue(fx, machine.DiskOp{Kind: machine.SyncDir, File: d})
	}
	s.rooted = true
}

// issue hands an operation to the disk that the phase waits for.
func (s *Stream) issue(fx *machine.Effects, op machine.DiskOp) {
	op.Token = s.tokens()
	s.waits = append(s.waits, op.Token)
	fx.Do(op)
}

// advance goes on as far as nothing has to be waited for.
func (s *Stream) advance(fx *machine.Effects) {
	for s.err == nil && s.phase != idle && len(s.waits) == 0 {
		switch s.phase {
		case syncBlocks:
			if s.nextFresh {
				s.syncNames(fx)
			}
			s.phase = nameBlocks
		case nameBlocks:
			b := fx.Alloc(checkpointHeader + len(s.nextBlocks) + len(s.next.State))
			putCheckpoint(b, s.ident, s.next, s.nextTotals, s.nextBlocks)
			fx.Charge(machine.WorkEncode, 1, int64(len(b)), 0)
			s.issue(fx, machine.DiskOp{Kind: machine.Append, File: s.tempName(), Data: b, AndSync: true})
			s.phase = writeTemp
		case writeTemp:
			s.issue(fx, machine.DiskOp{Kind: machine.Rename, File: s.tempName(), To: s.checkpointName()})
			s.filed, s.phase = true, renameTemp
		case renameTemp:
			s.syncNames(fx)
			s.phase = syncRename
		case dropCheckpoint:
			s.syncNames(fx)
			s.phase = syncDrop
		case syncDrop:
			s.remove(fx, &s.dropped)
			s.filed, s.phase = false, idle
		}
	}
	if s.err == nil {
		s.remove(fx, &s.spent)
	}
}

func (s *Stream) checkpointName() string { return s.cfg.Dir + "/checkpoint" }
func (s *Stream) tempName() string       { return s.cfg.Dir + "/checkpoint.tmp" }
