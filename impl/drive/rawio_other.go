//go:build !linux

package drive

import (
	"errors"
	"os"
)

// rawIO says that sockets can be read and written without waiting.
const rawIO = false

var errNoRawIO = errors.New("no raw input and output on this system")

func rawRead(uintptr, []byte) (int, error)    { return 0, errNoRawIO }
func rawWrite(uintptr, [][]byte) (int, error) { return 0, errNoRawIO }
func wouldBlock(error) bool                   { return false }
func datasync(f *os.File) error               { return f.Sync() }

func pwritev(f *os.File, bufs [][]byte, off int64) (int64, error) {
	var done int64
	for _, b := range bufs {
		n, err := f.WriteAt(b, off+done)
		done += int64(n)
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// lockFile does not lock here: the operator keeps two servers apart.
func lockFile(*os.File) error { return nil }
