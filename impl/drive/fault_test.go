package drive

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

func breakSyncs(s *Server, sync func(*os.File) error) {
	s.disk.mu.Lock() // which whoever runs an operation takes before
	defer s.disk.mu.Unlock()
	s.disk.datasync = sync
}

func breakWrites(s *Server, write func(*os.File, [][]byte, int64) (int64, error)) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	s.disk.pwritev = write
}

func TestAnAcknowledgementWaitsForTheSync(t *testing.T) {
	s := testServer(t, Config{})
	entered, leave := make(chan struct{}, 16), make(chan struct{})
	breakSyncs(s, func(f *os.File) error {
		entered <- struct{}{}
		<-leave
		return datasync(f)
	})
	u, v := dialUser(t, s.Addr().String()), dialUser(t, s.Addr().String())
	u.say("store log one")
	<-entered
	v.want("meanwhile", "echo meanwhile") // the machine serves others, and nothing went to u before this
	v.want("written", "all written")
	if got := u.line(); got != "written" {
		t.Fatalf("before the sync returned, u was told %q", got)
	}
	close(leave)
	if got := u.line(); got != "stored one <nil>" {
		t.Fatal(got)
	}
}

func TestAfterAFailedSyncNoSyncOfThatFileSucceeds(t *testing.T) {
	dir := t.TempDir()
	s := testServer(t, Config{Dir: dir})
	var calls atomic.Int32
	breakSyncs(s, func(f *os.File) error {
		if calls.Add(1) == 1 {
			return syscall.EIO
		}
		return nil // as the kernel does: it reports a lost page once
	})
	u := dialUser(t, s.Addr().String())
	failed := "sync failed: the state of unsynced bytes is unknown"
	u.want("stored a "+failed, "store log a")
	u.want("stored b "+failed, "store log b")
	u.want("sync log: n=0 \"\" "+failed, "op sync log")
	u.want(`append log: n=1 "" <nil>`, "op append log DATA=c")
	u.want(`rename log: n=0 "" <nil>`, "op rename log TO=log2")
	u.want("stored d "+failed, "store log2 d")
	u.want("stored e <nil>", "store other e")
	u.want("stored f <nil>", "store log f") // a new file by the old name
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "log2")); string(b) != "a\nb\ncd\n" {
		t.Fatalf("the file holds %q, %v", b, err)
	}
}

func TestAFullDiskReportsTheGoodPrefix(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{{syscall.ENOSPC, "no space left on disk"}, {syscall.EIO, "disk input/output error"}} {
		s := testServer(t, Config{})
		left := atomic.Int64{}
		left.Store(7)
		breakWrites(s, func(f *os.File, bufs [][]byte, off int64) (int64, error) {
			var all []byte
			for _, b := range bufs {
				all = append(all, b...)
			}
			n := min(int64(len(all)), left.Load())
			left.Add(-n)
			if _, err := f.WriteAt(all[:n], off); err != nil {
				return 0, err
			}
			if n < int64(len(all)) {
				return n, c.err
			}
			return n, nil
		})
		u := dialUser(t, s.Addr().String())
		u.want(`append f: n=5 "" <nil>`, "op append f DATA=12345 SYNC")
		u.want(`append f: n=2 "" `+c.want, "op append f DATA=67890")
		u.want(`append f: n=0 "" `+c.want, "op append f DATA=x")
		left.Store(100)
		u.want(`append f: n=1 "" <nil>`, "op append f DATA=y")
		u.want(`read f: n=8 "1234567y" <nil>`, "op read f LEN=8")
	}
}

func TestTooManyWaitingDiskWritesEndTheServer(t *testing.T) {
	s := testServer(t, Config{Limits: Limits{MaxDiskPending: 1000}})
	leave := make(chan struct{})
	breakSyncs(s, func(f *os.File) error {
		<-leave
		return nil
	})
	u := dialUser(t, s.Addr().String())
	for range 30 {
		u.say("store f 0123456789012345678901234567890123456789012345678901234567890123456789")
	}
	v := dialUser(t, s.Addr().String())
	for range 30 {
		v.say("store f 0123456789012345678901234567890123456789012345678901234567890123456789")
	}
	<-s.Failed()
	close(leave)
	if err := s.Stop(); err == nil {
		t.Fatal("no reason given")
	}
}

func TestAServerThatDoesNotStartGivesUpItsListeners(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(Config{ClientListener: l, Node: 1}); err == nil {
		t.Fatal("started without a machine")
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("the listener is still open: %v", err)
	}
}

// Under the race detector this is where mistakes of locking show.
func TestManyClientsComeAndGoWhileTheServerStops(t *testing.T) {
	for range 3 {
		s := testServer(t, Config{})
		var clients sync.WaitGroup
		started := make(chan struct{}, 64)
		for i := range 12 {
			clients.Go(func() {
				for n := 0; ; n++ {
					nc, err := net.Dial("tcp", s.Addr().String())
					if err != nil {
						return // the server has stopped
					}
					nc.SetDeadline(timeIn(deadline))
					fmt.Fprintf(nc, "all %d\nblast 200000\nstore f%d x\nafter 1 late\nop read f%d LEN=3\n", i, i%3, i%3)
					buf := make([]byte, 20000)
					for range n % 7 {
						if _, err := nc.Read(buf); err != nil {
							break
						}
					}
					if n%2 == 0 {
						fmt.Fprintf(nc, "pause 1\nclose\n")
					}
					nc.Close()
					if n == 3 {
						started <- struct{}{}
					}
				}
			})
		}
		for range 12 {
			<-started
		}
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		clients.Wait()
	}
}
