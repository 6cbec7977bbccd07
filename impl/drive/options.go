package drive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/impl/broker"
	"github.com/brokerlab/brokerlab/model/machine"
)

// Options are the reference broker's in nats-server's words, for a command line. Zero values are
// nats-server's defaults, but for the address: without Addr only this machine can connect.
type Options struct {
	Addr string // host for clients (127.0.0.1)
	Port int    // 4222; -1 takes a free one
	// ClientAdvertise is the host:port that clients of the cluster are told to reach this node at; without it, what
	// Addr and Port make.
	ClientAdvertise string
	// ServerName must differ between the nodes of a cluster (n and the node's number).
	ServerName string
	// StoreDir is the data directory ("brokerlab-data").
	StoreDir string

	// ClusterName must be the same on all nodes ("brokerlab"). Cluster is this node's address for
	// its peers, as nats://host:port or host:port; without it the node is alone. Routes are those of
	// all nodes; this node's own may be among them. ClusterListen is where to listen instead of
	// Cluster, where the two differ.
	ClusterName   string
	Cluster       string
	ClusterListen string
	Routes        []string
	// Node is this node's number; 0 takes its place in the sorted list of Cluster and Routes, which
	// must therefore be the same list on all nodes, and for good: it decides who voted.
	Node machine.NodeID

	// NewCluster is the operator's word that no cluster has been before. Without it a cluster is founded by all of its
	// nodes: an empty disk may be that of a node that lost what it had promised.
	NewCluster bool

	// Switches are the broker's decisions. Those that are not at their safe end are refused
	// unless Unsafe says that this is meant.
	Switches broker.Switches
	Unsafe   bool
	// Broker, if set, changes what else the broker is booted with.
	Broker func(*broker.Config)

	Seed    uint64
	Log     *slog.Logger
	Observe func(machine.Wall, machine.Observation)
	Limits  Limits
}

// Serve runs the broker until ctx is done, then stops it in an orderly way; ready, if not nil, is
// called once it serves.
func (o Options) Serve(ctx context.Context, ready func(*Server)) error {
	s, err := o.Start()
	if err != nil {
		return err
	}
	if ready != nil {
		ready(s)
	}
	select {
	case <-ctx.Done():
	case <-s.Failed():
	}
	return s.Stop()
}

// OptionsError is what is wrong with options in themselves, before anything was tried.
type OptionsError struct{ Err error }

func (e *OptionsError) Error() string { return e.Err.Error() }

// Unwrap is the rules broken.
func (e *OptionsError) Unwrap() error { return e.Err }

// Start runs the broker. What is wrong with the options alone it returns as *OptionsError. It listens for clients before it boots, because the broker announces
// its port.
func (o Options) Start() (*Server, error) {
	cfg, bc, err := o.configs()
	if err != nil {
		return nil, &OptionsError{err}
	}
	l, err := net.Listen("tcp", cfg.ClientListen)
	if err != nil {
		return nil, err
	}
	bc.Port = l.Addr().(*net.TCPAddr).Port
	if bc.ClientURLs == nil {
		bc.ClientURLs = clientURLs(bc.Host, bc.Port)
	}
	cfg.ClientListener = l
	cfg.Boot = broker.Boot(bc)
	return Start(cfg)
}

// configs turns options into the driver's configuration and the broker's.
func (o Options) configs() (Config, broker.Config, error) {
	def(&o.Addr, "127.0.0.1")
	def(&o.Port, 4222)
	def(&o.StoreDir, "brokerlab-data")
	def(&o.ClusterName, "brokerlab")
	port := max(o.Port, 0)
	cfg := Config{
		Node: o.Node, Dir: o.StoreDir, ClientListen: net.JoinHostPort(o.Addr, strconv.Itoa(port)),
		Cluster: o.ClusterName, Log: o.Log, Observe: o.Observe, Seed: o.Seed, Limits: o.Limits,
	}
	err := o.members(&cfg)
	unsafe := o.Switches.Unsafe()
	unsafe = slices.DeleteFunc(unsafe, func(s string) bool { return strings.HasSuffix(s, "=") }) // unset is safe
	if len(unsafe) > 0 && !o.Unsafe {
		err = errors.Join(err, fmt.Errorf("refusing unsafe switches %s without --unsafe: data may be lost with them", strings.Join(unsafe, ", ")))
	}
	var urls []string
	if o.ClientAdvertise != "" {
		at, bad := hostPort(o.ClientAdvertise)
		urls, err = []string{at}, errors.Join(err, bad)
	}
	def(&o.ServerName, fmt.Sprintf("n%d", cfg.Node))
	bc := broker.Config{Node: cfg.Node, Name: o.ServerName, Cluster: o.ClusterName, Host: o.Addr, ClientURLs: urls, Switches: o.Switches, NewCluster: o.NewCluster}
	bc.Observe = o.Observe != nil
	for id := range cfg.Peers {
		bc.Nodes = append(bc.Nodes, id)
	}
	slices.Sort(bc.Nodes)
	if o.Broker != nil {
		o.Broker(&bc)
	}
	return cfg, bc, err
}

// members numbers the nodes by their place in the sorted list of all.
func (o Options) members(cfg *Config) error {
	if o.Cluster == "" {
		if len(o.Routes) > 0 {
			return errors.New("routes need a cluster address of this node's own")
		}
		def(&cfg.Node, 1)
		cfg.Peers = map[machine.NodeID]string{cfg.Node: "alone"}
		return nil
	}
	own, err := hostPort(o.Cluster)
	if err != nil {
		return err
	}
	addrs := []string{own}
	for _, r := range o.Routes {
		addr, err := hostPort(r)
		if err != nil {
			return err
		}
		addrs = append(addrs, addr)
	}
	slices.Sort(addrs)
	addrs = slices.Compact(addrs)
	cfg.Peers = map[machine.NodeID]string{}
	for i, addr := range addrs {
		id := machine.NodeID(i + 1)
		cfg.Peers[id] = addr
		if addr == own && o.Node != 0 && o.Node != id {
			return fmt.Errorf("node %d was asked for, but %s is number %d of %v", o.Node, own, id, addrs)
		}
		if addr == own {
			cfg.Node = id
		}
	}
	def(&o.ClusterListen, own)
	cfg.PeerListen, err = hostPort(o.ClusterListen)
	return err
}

// hostPort reads nats://user@host:port or host:port.
func hostPort(s string) (string, error) {
	hp := s
	if strings.Contains(s, "://") {
		u, err := url.Parse(s)
		if err != nil {
			return "", fmt.Errorf("address %q: %w", s, err)
		}
		hp = u.Host
	}
	host, port, err := net.SplitHostPort(hp)
	if err != nil {
		return "", fmt.Errorf("address %q: %w", s, err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("address %q: port %q is not one of 1 to 65535", s, port)
	}
	def(&host, "127.0.0.1")
	return net.JoinHostPort(host, port), nil
}
