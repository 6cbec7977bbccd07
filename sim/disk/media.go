package disk

import (
	"fmt"
	"strings"

	"github.com/brokerlab/brokerlab/sim/choice"
)

// What an honest disk never does. Each returns what happened, for the record, or "" if there was nothing that it could
// have happened to; number identifies the draws, as a power failure's does.

// Wipe replaces the disk by an empty one (D17). The process must be dead.
func (d *Disk) Wipe() {
	d.flying, d.gone, d.first = nil, 0, d.issued+1
	d.names, d.dirs = make(map[string]*name), make(map[string]*name)
	d.dirOps, d.freed, d.used = nil, nil, 0
	d.failWrite, d.failSync = false, false
	clear(d.slots)
}

// Lose takes the end of a synced file whose path begins with prefix (D16). Unless last, the newest file of a directory
// is spared: nobody can tell its missing end from a write that never happened. The process must be dead.
func (d *Disk) Lose(prefix string, last bool, number uint64) string {
	var files []*name
	for _, n := range d.synced(prefix) {
		if last || !d.newest(n) {
			files = append(files, n)
		}
	}
	if len(files) == 0 {
		return ""
	}
	n := files[choice.Below(d.harm(number, forFile), uint64(len(files)))]
	ino := n.inode
	was := ino.durable
	ino.durable = int64(choice.Below(d.harm(number, forSize), uint64(was)))
	d.used += blocks(ino.durable) - blocks(int64(len(ino.cache)))
	ino.cache, ino.pending = ino.cache[:ino.durable], nil
	ino.proven = min(ino.proven, ino.durable)
	return fmt.Sprintf("%s ends at %d, not at %d", n.path, ino.durable, was)
}

// Rot flips a bit of the synced bytes of files whose paths begin with prefix (D10): every reader sees it from now on,
// until the sector is written again. Unless last, it spares what the newest sync of a file covered first: rot there
// cannot be told from a torn write.
func (d *Disk) Rot(prefix string, last bool, number uint64) string {
	files := d.synced(prefix)
	limit := func(n *name) int64 {
		if last {
			return n.inode.durable
		}
		return n.inode.proven
	}
	var total int64
	for _, n := range files {
		total += limit(n)
	}
	if total == 0 {
		return ""
	}
	at := int64(choice.Below(d.harm(number, forBytes), uint64(total)))
	for _, n := range files {
		if at < limit(n) {
			bit := d.harm(number, forFill) & 7
			n.inode.cache[at] ^= 1 << bit
			return fmt.Sprintf("bit %d of byte %d of %s has flipped", bit, at, n.path)
		}
		at -= limit(n)
	}
	return ""
}

// synced are the files under prefix whose name and first bytes are on the medium as they are in the cache, in order of path.
func (d *Disk) synced(prefix string) (files []*name) {
	for _, n := range d.sorted() {
		if n.inode != nil && n.inode == n.durable && strings.HasPrefix(n.path, prefix) && n.inode.durable > 0 && n.inode.settled() {
			files = append(files, n)
		}
	}
	return files
}

// settled says that nothing pending touches what is durable.
func (ino *inode) settled() bool {
	for i := range ino.pending {
		if ino.pending[i].off < ino.durable {
			return false
		}
	}
	return len(ino.lost) == 0
}

// newest says whether no file of the directory was made after this one.
func (d *Disk) newest(n *name) bool {
	for _, other := range d.names { // map order: any one will do
		if other.dir == n.dir && other.inode != nil && other.inode.num > n.inode.num {
			return false
		}
	}
	return true
}

func (d *Disk) harm(number, purpose uint64) uint64 {
	return d.seed.Draw(choice.Disk, d.node, 1<<61|number, 0, purpose)
}
