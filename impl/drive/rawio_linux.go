package drive

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// rawIO says that sockets can be read and written without waiting.
const rawIO = true

func rawRead(fd uintptr, p []byte) (int, error) {
	for {
		n, err := unix.Read(int(fd), p)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

func rawWrite(fd uintptr, bufs [][]byte) (n int, err error) {
	for {
		if len(bufs) == 1 {
			n, err = unix.Write(int(fd), bufs[0])
		} else {
			n, err = unix.Writev(int(fd), bufs)
		}
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

func wouldBlock(err error) bool { return err == unix.EAGAIN }

// datasync makes a file's content durable, with as much of its metadata as reading it takes.
func datasync(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			return err
		}
	}
}

// pwritev writes bufs from off on; a short write comes with an error.
func pwritev(f *os.File, bufs [][]byte, off int64) (int64, error) {
	var done int64
	for len(bufs) > 0 {
		n, err := unix.Pwritev(int(f.Fd()), bufs[:min(len(bufs), 1024)], off+done)
		if err == unix.EINTR {
			continue
		}
		if err == nil && n <= 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			return done, err
		}
		done += int64(n)
		bufs = skip(bufs, n)
	}
	return done, nil
}

// lockFile takes the lock that ends with the process, or fails at once.
func lockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
