package store

import (
	"errors"
	"fmt"
	"io"

	"github.com/brokerlab/brokerlab/model/machine"
)

const (
	readChunk = 256 << 10
	// readAhead is how much memory is set aside on a file's own word.
	readAhead = 16 << 20
	// readTries: a sector that cannot be read may heal after a few attempts.
	readTries = 3
	// sectorBytes is the smallest unit that disks fail in.
	sectorBytes = 512
)

// span is a range of a file that could not be read.
type span struct{ from, to int64 }

// readFile reads a whole file, or its first limit bytes if limit is not negative. What
// cannot be read comes back as zeros and is listed in bad. It trusts no length: memory
// grows with the bytes that were really read.
func readFile(img machine.Image, name string, limit int64) (b []byte, bad []span, err error) {
	size, err := sizeOf(img, name)
	if err != nil {
		return nil, nil, err
	}
	if limit < 0 || limit > size {
		limit = size
	}
	b = make([]byte, 0, min(limit, readAhead))
	for int64(len(b)) < limit {
		off := int64(len(b))
		want := int(min(readChunk, limit-off))
		b = append(b, make([]byte, want)...)
		n, err := readAt(img, name, b[off:], off)
		switch {
		case err == nil:
			continue
		case errors.Is(err, io.EOF):
			return b[:off+int64(n)], bad, nil
		case !errors.Is(err, machine.ErrDiskIO):
			return nil, nil, fmt.Errorf("read %s at %d: %w", name, off, err)
		}
		from := off + int64(n)
		to := min((from/sectorBytes+1)*sectorBytes, limit)
		bad = append(bad, span{from, to})
		b = append(b[:from], make([]byte, to-from)...)
	}
	return b, bad, nil
}

func readAt(img machine.Image, name string, p []byte, off int64) (n int, err error) {
	for range readTries {
		if n, err = img.ReadAt(name, p, off); !errors.Is(err, machine.ErrDiskIO) {
			break
		}
	}
	return n, err
}

func sizeOf(img machine.Image, name string) (size int64, err error) {
	for range readTries {
		if size, err = img.Size(name); !errors.Is(err, machine.ErrDiskIO) {
			break
		}
	}
	return size, err
}

// list is the names in dir; none if there is no such directory.
func list(img machine.Image, dir string) (names []string, err error) {
	for range readTries {
		if names, err = img.List(dir); !errors.Is(err, machine.ErrDiskIO) {
			break
		}
	}
	if errors.Is(err, machine.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	return names, nil
}
