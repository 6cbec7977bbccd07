package kafka

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/brokerlab/brokerlab/model/machine"
)

// hwFile is the checkpoint of the high watermarks (replication-offset-checkpoint): written beside the old one, synced,
// renamed.
type hwFile struct {
	due   machine.Mono
	busy  bool
	write machine.Token
}

const (
	hwName = "replication-offset-checkpoint"
	hwTemp = hwName + ".tmp"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checkpoint writes the watermarks down when it is time.
func (b *Broker) checkpoint() {
	f := &b.hwFile
	if f.busy || b.env.Mono < f.due || len(b.held) == 0 {
		return
	}
	f.due, f.busy = b.env.Mono+machine.Mono(b.cfg.Checkpoint), true
	data := make([]byte, 4, 4+16*len(b.held))
	for _, p := range b.held {
		data = binary.LittleEndian.AppendUint32(data, p.id)
		data = binary.LittleEndian.AppendUint64(data, uint64(p.hw))
	}
	binary.LittleEndian.PutUint32(data, crc32.Checksum(data[4:], castagnoli))
	f.write = b.token(nil)
	b.fx.Charge(machine.WorkEncode, 1, int64(len(data)), 0)
	b.fx.Do(machine.DiskOp{Kind: machine.Remove, File: hwTemp})
	b.fx.Do(machine.DiskOp{Kind: machine.Append, File: hwTemp, Data: data, AndSync: true, Token: f.write})
}

// hwDone follows a checkpoint: once its bytes are durable it takes the old one's name.
func (b *Broker) hwDone(in *machine.Input) bool {
	f := &b.hwFile
	if in.Token == 0 || in.Token != f.write {
		return false
	}
	if in.Err != nil {
		machine.GiveUp("the checkpoint of the high watermarks failed: %v", in.Err)
	}
	f.busy, f.write = false, 0
	b.fx.Do(machine.DiskOp{Kind: machine.Rename, File: hwTemp, To: hwName})
	return true
}

// readWatermarks reads the checkpoint; one that is torn or missing says nothing, and every watermark begins at 0.
func readWatermarks(image machine.Image) map[uint32]int64 {
	out := map[uint32]int64{}
	size, err := image.Size(hwName)
	if err != nil || size < 4 {
		return out
	}
	data := make([]byte, size)
	if n, err := image.ReadAt(hwName, data, 0); int64(n) < size && err != nil {
		return out
	}
	if crc32.Checksum(data[4:], castagnoli) != binary.LittleEndian.Uint32(data) {
		return out
	}
	for p := data[4:]; len(p) >= 12; p = p[12:] {
		out[binary.LittleEndian.Uint32(p)] = int64(binary.LittleEndian.Uint64(p[4:]))
	}
	return out
}
