package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
)

// A checkpoint file, little-endian: magic u32, sum u32 (CRC-32C of everything behind it,
// begun from the directory), index u64, term u64, last sequence u64, number of blocks
// u64, then number u64 and size u64 of each block, then the caller's state to the end.
const (
	checkpointMagic  = 0x31544b43 // "CKT1"
	checkpointHeader = 40
)

func checkpointIdentity(dir uint64) uint32 { return blockIdentity(dir, ^uint64(0), 0) }

func putCheckpoint(b []byte, dir uint64, c *Checkpoint, last uint64) {
	le := binary.LittleEndian
	le.PutUint32(b, checkpointMagic)
	le.PutUint64(b[8:], c.Index)
	le.PutUint64(b[16:], c.Term)
	le.PutUint64(b[24:], last)
	le.PutUint64(b[32:], uint64(len(c.Blocks)))
	n := checkpointHeader
	for _, bl := range c.Blocks {
		le.PutUint64(b[n:], bl.Number)
		le.PutUint64(b[n+8:], uint64(bl.Size))
		n += 16
	}
	copy(b[n:], c.State)
	le.PutUint32(b[4:], crc32.Update(checkpointIdentity(dir), castagnoli, b[8:]))
}

func checkpointSize(c *Checkpoint) int { return checkpointHeader + 16*len(c.Blocks) + len(c.State) }

func parseCheckpoint(b []byte, dir uint64) (c *Checkpoint, last uint64, reason string) {
	le := binary.LittleEndian
	if len(b) < checkpointHeader || le.Uint32(b) != checkpointMagic {
		return nil, 0, "it is not a checkpoint"
	}
	if crc32.Update(checkpointIdentity(dir), castagnoli, b[8:]) != le.Uint32(b[4:]) {
		return nil, 0, "the checksum does not fit"
	}
	c = &Checkpoint{Index: le.Uint64(b[8:]), Term: le.Uint64(b[16:])}
	last = le.Uint64(b[24:])
	n, rest := le.Uint64(b[32:]), b[checkpointHeader:]
	if n > uint64(len(rest))/16 {
		return nil, 0, fmt.Sprintf("it names %d blocks in %d bytes", n, len(b))
	}
	for range n {
		bl := BlockState{Number: le.Uint64(rest), Size: int64(le.Uint64(rest[8:]))}
		if bl.Size <= 0 || len(c.Blocks) > 0 && bl.Number <= c.Blocks[len(c.Blocks)-1].Number {
			return nil, 0, fmt.Sprintf("block %d of %d bytes is out of place", bl.Number, bl.Size)
		}
		c.Blocks = append(c.Blocks, bl)
		rest = rest[16:]
	}
	c.State = slices.Clone(rest)
	return c, last, ""
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

// StartCheckpoint begins to write a checkpoint: the messages appended so far, and state,
// are those after entry index of term. It returns false if one is under way. Flush drives
// it on; state is copied.
func (s *Stream) StartCheckpoint(fx *machine.Effects, index, term uint64, state []byte) bool {
	if s.err != nil || s.phase != idle || s.gone {
		return false
	}
	s.writeOut(fx)
	s.next = &Checkpoint{Index: index, Term: term, State: slices.Clone(state)}
	s.nextLast = s.last
	for _, b := range s.blocks {
		if b.dirty {
			s.issue(fx, machine.DiskOp{Kind: machine.Sync, File: b.name})
			b.dirty = false
		}
		if b.size > 0 {
			s.next.Blocks = append(s.next.Blocks, BlockState{Number: b.number, Size: b.size})
		}
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
			if !s.named {
				s.syncNames(fx)
			}
			s.named, s.phase = true, nameBlocks
		case nameBlocks:
			b := fx.Alloc(checkpointSize(s.next))
			putCheckpoint(b, s.ident, s.next, s.nextLast)
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
			s.removeDropped(fx)
			s.filed, s.phase = false, idle
		}
	}
}

func (s *Stream) checkpointName() string { return s.cfg.Dir + "/checkpoint" }
func (s *Stream) tempName() string       { return s.cfg.Dir + "/checkpoint.tmp" }
