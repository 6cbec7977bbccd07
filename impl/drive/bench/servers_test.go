//go:build !race

package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/brokerlab/brokerlab/impl/drive"
)

// childEnv makes this program one server: "kind|name|dir|cluster address|routes".
const childEnv = "BROKERLAB_BENCH_CHILD"

// child serves until its standard input ends.
func child(spec string) error {
	f := strings.Split(spec, "|")
	name, dir, cluster, routes := f[1], f[2], f[3], []string(nil)
	if f[4] != "" {
		routes = strings.Split(f[4], ",")
	}
	start := startBrokerlab
	if f[0] == "nats-server" {
		start = startNATS
	}
	addr, stop, err := start(name, dir, cluster, routes)
	if err != nil {
		return err
	}
	fmt.Println(addr)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent closes it, or is gone
	return stop()
}

func startBrokerlab(name, dir, cluster string, routes []string) (string, func() error, error) {
	s, err := drive.Options{ServerName: name, StoreDir: dir, Port: -1, Cluster: cluster, Routes: routes}.Start()
	if err != nil {
		return "", nil, err
	}
	go func() {
		<-s.Failed()
		exit(s.Stop())
	}()
	return s.Addr().String(), s.Stop, nil
}

func startNATS(name, dir, cluster string, routes []string) (string, func() error, error) {
	o := &server.Options{
		ServerName: name, Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: dir, SyncAlways: true, SyncInterval: 2 * time.Minute,
	}
	if cluster != "" {
		host, port, err := net.SplitHostPort(cluster)
		if err != nil {
			return "", nil, err
		}
		p, err := strconv.Atoi(port)
		if err != nil {
			return "", nil, err
		}
		o.Cluster = server.ClusterOpts{Name: "bench", Host: host, Port: p}
		for _, r := range routes {
			o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: r})
		}
	}
	s, err := server.NewServer(o)
	if err != nil {
		return "", nil, err
	}
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		return "", nil, errors.New("not ready for connections")
	}
	stop := func() error {
		s.Shutdown()
		return nil
	}
	return s.Addr().String(), stop, nil
}

// system is the processes of one cluster.
type system struct {
	name  string
	procs []*process
	runs  int
}

type process struct {
	cmd  *exec.Cmd
	in   io.Closer
	addr string
}

func startSystem(name string, s settings) (*system, error) {
	sys := &system{name: name}
	routes := make([]string, 0, s.nodes)
	if s.nodes > 1 {
		for range s.nodes {
			addr, err := freeAddr()
			if err != nil {
				return sys, err
			}
			routes = append(routes, addr)
		}
	}
	slices.Sort(routes) // so that the first server is node 1
	for i := range s.nodes {
		cluster := ""
		if s.nodes > 1 {
			cluster = routes[i]
		}
		server := fmt.Sprintf("s%d", i+1)
		spec := strings.Join([]string{name, server, filepath.Join(s.dir, name, server), cluster, strings.Join(routes, ",")}, "|")
		p, err := spawn(spec)
		if p != nil {
			sys.procs = append(sys.procs, p)
		}
		if err != nil {
			return sys, err
		}
	}
	return sys, nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func spawn(spec string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+spec)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, in: in}
	line, err := bufio.NewReader(out).ReadString('\n')
	p.addr = strings.TrimSpace(line)
	return p, err
}

// stop ends the processes by closing their input, and kills those that do not listen.
func (sys *system) stop() {
	for _, p := range sys.procs {
		_ = p.in.Close() // which is the request to stop
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		kill := context.AfterFunc(ctx, func() {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				_ = p.cmd.Process.Kill()
			}
		})
		_ = p.cmd.Wait() // its status no longer matters
		kill()
		cancel()
	}
}

// cpu is the processor time of all processes so far.
func (sys *system) cpu() (time.Duration, error) {
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux there is
	var sum time.Duration
	for _, p := range sys.procs {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		if err != nil {
			return 0, err
		}
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		for _, field := range f[11:13] {
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(n) * tick
		}
	}
	return sum, nil
}
