package drive

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Server runs one machine. Start makes one; Stop ends it.
type Server struct {
	cfg     Config
	log     *slog.Logger
	started time.Time
	cluster uint64

	// mu is the machine's: everything down to the blank line is under it.
	mu       sync.Mutex
	m        machine.Machine
	env      machine.Env
	fx       machine.Effects
	work     [machine.WorkKinds]machine.Work
	done     []done
	conns    map[machine.ConnID]*conn
	lastConn machine.ConnID
	timers   timers
	wake     *time.Timer  // nil until the repairs are done
	armed    machine.Mono // when wake comes; 0 if it was not set
	broken   bool         // no further step may be taken
	shut     bool         // no further connections

	disk      *disk
	root      *os.Root
	lock      *os.File
	links     map[linkKey]*link
	booted    atomic.Bool // repairs are done, inputs may come
	listeners []net.Listener
	clientL   net.Listener
	peerL     net.Listener
	clients   atomic.Int64
	strangers atomic.Int64

	closing  context.Context // ends when connections and pauses shall
	hangUp   context.CancelFunc
	wg       sync.WaitGroup // connections, links, sweeps
	conned   sync.WaitGroup // connections and sessions
	workers  sync.WaitGroup // of the disk
	failed   chan struct{}  // closed at the first failure
	failOnce sync.Once
	failure  error
	stopOnce sync.Once
	stopErr  error
}

type linkKey struct {
	peer machine.NodeID
	kind machine.Link
}

// PanicError is a machine's broken invariant, which ended the server.
type PanicError struct {
	Value any
	Stack []byte
}

// Error is the panic's own text.
func (e *PanicError) Error() string { return fmt.Sprintf("drive: the machine panicked: %v", e.Value) }

// Serve runs a machine until ctx is done, then stops it in an orderly way; or until it cannot
// go on, which it returns.
func Serve(ctx context.Context, cfg Config) error {
	s, err := Start(cfg)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-s.Failed():
	}
	return s.Stop()
}

// Start boots the machine from Dir, carries out its repairs, and serves. It returns ErrLocked if
// another server uses the directory, and the machine's own error if it must not start.
func Start(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		cfg.closeListeners()
		return nil, err
	}
	s := &Server{
		cfg: cfg, log: cfg.Log.With("node", cfg.Node), started: time.Now(), cluster: clusterHash(cfg.Cluster),
		conns: map[machine.ConnID]*conn{}, timers: timers{place: map[machine.TimerKey]int{}},
		failed: make(chan struct{}),
	}
	s.closing, s.hangUp = context.WithCancel(context.Background())
	s.makeLinks()
	if err := s.start(); err != nil {
		s.broken = true
		s.Stop()
		cfg.closeListeners()
		return nil, err
	}
	return s, nil
}

func (s *Server) start() error {
	if err := s.openDir(); err != nil {
		return err
	}
	if err := s.listen(); err != nil {
		return err
	}
	for range diskWorkers {
		s.workers.Go(s.workDisk)
	}
	if err := s.boot(); err != nil {
		return err
	}
	s.wg.Go(func() { s.acceptClients(s.clientL) })
	s.wg.Go(s.sweep)
	s.startLinks()
	return nil
}

func (s *Server) openDir() error {
	if err := os.MkdirAll(s.cfg.Dir, 0o750); err != nil {
		return err
	}
	var err error
	if s.root, err = os.OpenRoot(s.cfg.Dir); err != nil {
		return err
	}
	var boot uint64
	if s.lock, boot, err = lockDir(s.root); err != nil {
		return err
	}
	seed := s.cfg.Seed
	if seed == 0 {
		var b [8]byte
		if _, err := rand.Read(b[:]); err != nil {
			return err
		}
		seed = binary.LittleEndian.Uint64(b[:])
	}
	s.env.Choices = newChoices(seed, s.cfg.Node, boot)
	s.disk = newDisk(s.root, s.log, s.cfg.MaxDiskPending, s.fail)
	return nil
}

func (s *Server) listen() (err error) {
	if s.clientL = s.cfg.ClientListener; s.clientL == nil {
		if s.clientL, err = net.Listen("tcp", s.cfg.ClientListen); err != nil {
			return err
		}
	}
	s.listeners = append(s.listeners, s.clientL)
	if s.peerL = s.cfg.PeerListener; s.peerL == nil && s.cfg.PeerListen != "" {
		if s.peerL, err = net.Listen("tcp", s.cfg.PeerListen); err != nil {
			return err
		}
	}
	if s.peerL != nil {
		s.listeners = append(s.listeners, s.peerL)
	}
	return nil
}

// boot makes the machine and carries out its repairs, before any input is handed in.
func (s *Server) boot() (err error) {
	t := &turn{s: s}
	img := &image{root: s.root}
	s.mu.Lock()
	s.now()
	func() {
		defer s.crashed()
		s.m, err = s.cfg.Boot(&s.env, img, &s.fx)
	}()
	img.closeAll()
	switch {
	case s.broken:
		err = s.failureSoFar()
	case err == nil && s.m == nil:
		err = errors.New("drive: Boot returned no machine")
	}
	if err != nil {
		s.mu.Unlock()
		return err
	}
	if len(s.fx.Timers) > 0 {
		s.setTimers()
	}
	s.collect(t, false)
	s.mu.Unlock()
	for !s.disk.idle() {
		<-s.disk.calm
	}
	s.mu.Lock()
	s.wake = time.AfterFunc(time.Hour, s.fire)
	s.mu.Unlock()
	s.booted.Store(true)
	t.begin()
	t.end()
	return s.failureSoFar()
}

// workDisk runs operations that would keep others waiting.
func (s *Server) workDisk() {
	t := &turn{s: s}
	for {
		l := s.disk.next()
		if l == nil {
			return
		}
		s.disk.run(l)
		if s.booted.Load() {
			t.begin()
			t.small = true
			t.end()
		}
	}
}

func (s *Server) makeLinks() {
	s.links = map[linkKey]*link{}
	for id, addr := range s.cfg.Peers {
		for kind := range machine.Links {
			if id != s.cfg.Node {
				s.links[linkKey{id, kind}] = &link{s: s, peer: id, kind: kind, addr: addr}
			}
		}
	}
}

func (s *Server) startLinks() {
	if s.peerL != nil {
		s.wg.Go(func() { s.acceptPeers(s.peerL) })
	}
	for key, l := range s.links {
		if s.cfg.Node < key.peer {
			s.wg.Go(l.keep)
		}
	}
}

// fail ends the server for a reason that it cannot go on from. It may be called under any lock.
func (s *Server) fail(err error) {
	s.failOnce.Do(func() {
		s.failure = err
		close(s.failed)
	})
}

// failureSoFar is why the server cannot go on; nil if it can.
func (s *Server) failureSoFar() error {
	select {
	case <-s.failed:
		return s.failure
	default:
		return nil
	}
}

// Failed is closed when the server cannot go on; Stop then says why.
func (s *Server) Failed() <-chan struct{} { return s.failed }

// Addr is where clients connect.
func (s *Server) Addr() net.Addr { return s.clientL.Addr() }

// PeerAddr is where peers connect; nil without.
func (s *Server) PeerAddr() net.Addr {
	if s.peerL == nil {
		return nil
	}
	return s.peerL.Addr()
}

// Footprint is the machine's account of its live bytes, and Work of what it has done.
func (s *Server) Footprint() []machine.Use {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.Footprint(nil)
}

// Work sums what the machine's steps have charged since the start.
func (s *Server) Work() [machine.WorkKinds]machine.Work {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.work
}

// Disk counts what the disk has done since the start.
func (s *Server) Disk() *DiskStats { return &s.disk.stats }
