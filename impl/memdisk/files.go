package memdisk

import (
	"io"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Files is a disk, and an image of itself (machine.Image).
type Files map[string][]byte

// List names the files below dir, in order.
func (f Files) List(dir string) (names []string, err error) {
	for name := range f { // map order: sorted below
		if strings.HasPrefix(name, dir+"/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Size is a file's length in bytes; machine.ErrNotExist if there is none.
func (f Files) Size(name string) (int64, error) {
	if b, ok := f[name]; ok {
		return int64(len(b)), nil
	}
	return 0, machine.ErrNotExist
}

// ReadAt reads as io.ReaderAt does.
func (f Files) ReadAt(name string, p []byte, off int64) (int, error) {
	if n := copy(p, f[name][min(off, int64(len(f[name]))):]); n < len(p) {
		return n, io.EOF
	}
	return len(p), nil
}

// Do carries out an operation, and returns what a read has read. A sync changes nothing.
func (f Files) Do(op *machine.DiskOp) (read []byte) {
	switch op.Kind {
	case machine.Append:
		f[op.File] = append(f[op.File], op.Data...)
	case machine.WriteAt:
		if n := int(op.Off) + len(op.Data) - len(f[op.File]); n > 0 {
			f[op.File] = append(f[op.File], make([]byte, n)...)
		}
		copy(f[op.File][op.Off:], op.Data)
	case machine.Truncate:
		f[op.File] = f[op.File][:op.Off]
	case machine.Remove:
		delete(f, op.File)
	case machine.Rename:
		f[op.To] = f[op.File]
		delete(f, op.File)
	case machine.Read:
		return f[op.File][op.Off : op.Off+op.Len]
	}
	return nil
}
