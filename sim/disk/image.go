package disk

import (
	"io"
	"strings"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
)

// Image is what a machine sees of its disk at boot: the cache, which after a power failure is
// the medium. It is good until the next call of Issue or Complete that changes the disk.
type Image struct {
	d       *Disk
	boot    uint64
	reads   uint64
	charged int64
}

var _ machine.Image = (*Image)(nil)

// Image returns the view of a boot; number identifies its draws.
func (d *Disk) Image(number uint64) *Image { return &Image{d: d, boot: number} }

// Charged is the time that what has been read so far takes, in nanoseconds.
func (im *Image) Charged() int64 { return im.charged }

// charge accounts for one access that returned n bytes.
func (im *Image) charge(n int) {
	im.reads++
	draw := im.d.seed.Draw(choice.Disk, im.d.node, 1<<62|im.boot, im.reads, forService)
	im.charged += im.d.slow * (im.d.cfg.ReadTime.Sample(draw) + kib(n, im.d.cfg.ReadPerKiB))
}

// List implements machine.Image: the files at any depth under dir, by their paths from the root, sorted.
func (im *Image) List(dir string) ([]string, error) {
	im.charge(0)
	prefix := strings.Trim(dir, "/")
	if prefix == "." {
		prefix = ""
	}
	if prefix != "" {
		prefix += "/"
	}
	var out []string
	for _, n := range im.d.sorted() {
		if n.inode != nil && strings.HasPrefix(n.path, prefix) {
			out = append(out, n.path)
		}
	}
	return out, nil
}

// Size implements machine.Image.
func (im *Image) Size(name string) (int64, error) {
	im.charge(0)
	if n := im.d.names[name]; n != nil && n.inode != nil {
		return int64(len(n.inode.cache)), nil
	}
	return 0, machine.ErrNotExist
}

// ReadAt implements machine.Image.
func (im *Image) ReadAt(name string, p []byte, off int64) (int, error) {
	n := im.d.names[name]
	if n == nil || n.inode == nil {
		return 0, machine.ErrNotExist
	}
	if off < 0 {
		return 0, machine.ErrDiskIO
	}
	if off > int64(len(n.inode.cache)) {
		off = int64(len(n.inode.cache))
	}
	got := copy(p, n.inode.cache[off:])
	im.charge(got)
	if got < len(p) {
		return got, io.EOF
	}
	return got, nil
}
