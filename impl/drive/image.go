package drive

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/brokerlab/brokerlab/model/machine"
)

// image is the data directory as a machine sees it at boot: files only, by their paths from
// the root, without the driver's lock.
type image struct {
	root *os.Root
	mu   sync.Mutex
	open map[string]*os.File
}

// List returns the files under dir, at any depth, sorted; none if dir does not exist.
func (m *image) List(dir string) ([]string, error) {
	top := path.Clean("./" + dir)
	if !fs.ValidPath(top) {
		return nil, errName
	}
	var names []string
	err := fs.WalkDir(m.root.FS(), top, func(name string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case e.Type().IsRegular() && name != lockName && name != top:
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %v", machine.ErrDiskIO, err)
	}
	sort.Strings(names)
	return names, nil
}

// Size returns a file's length.
func (m *image) Size(name string) (int64, error) {
	f, err := m.file(name)
	if err != nil {
		return 0, err
	}
	st, err := f.Stat()
	if err != nil {
		return 0, machine.ErrDiskIO
	}
	return st.Size(), nil
}

// ReadAt reads from a file.
func (m *image) ReadAt(name string, p []byte, off int64) (int, error) {
	f, err := m.file(name)
	if err != nil {
		return 0, err
	}
	n, err := f.ReadAt(p, off)
	if err != nil && err != io.EOF {
		err = machine.ErrDiskIO
	}
	return n, err
}

const imageFiles = 64

func (m *image) file(name string) (*os.File, error) {
	if !fs.ValidPath(name) || name == lockName {
		return nil, errName
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.open[name]; f != nil {
		return f, nil
	}
	f, err := m.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, machine.ErrNotExist
	}
	if err != nil {
		return nil, machine.ErrDiskIO
	}
	if len(m.open) >= imageFiles {
		m.closeAll()
	}
	if m.open == nil {
		m.open = map[string]*os.File{}
	}
	m.open[name] = f
	return f, nil
}

func (m *image) closeAll() {
	for _, f := range m.open {
		_ = f.Close() // it was only read
	}
	clear(m.open)
}

// lockName is the driver's own file: locked while a server uses the directory, it counts
// the boots.
const lockName = "LOCK"

// ErrLocked is returned when another server uses the data directory.
var ErrLocked = errors.New("drive: the data directory is in use by another server")

// lockDir locks the directory and counts the boot.
func lockDir(root *os.Root) (f *os.File, boot uint64, err error) {
	f, err = root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
		}
	}()
	if lockFile(f) != nil {
		return nil, 0, fmt.Errorf("%w: %s", ErrLocked, root.Name())
	}
	text, err := io.ReadAll(io.LimitReader(f, 64))
	if err != nil {
		return nil, 0, err
	}
	if s := strings.TrimSpace(strings.Trim(string(text), "\x00")); s != "" {
		if boot, err = strconv.ParseUint(s, 10, 64); err != nil {
			return nil, 0, fmt.Errorf("drive: %s should hold the number of boots: %w", lockName, err)
		}
	}
	boot++
	if _, err = f.WriteAt([]byte(fmt.Sprintf("%020d\n", boot)), 0); err != nil {
		return nil, 0, err
	}
	return f, boot, f.Sync()
}
