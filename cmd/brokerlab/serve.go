package main

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/impl/drive"
)

// serveFlags are nats-server's names for what the broker can be told, so that its command lines work.
// They are parsed as nats-server does, with one dash or two.
type serveFlags struct {
	set       *flag.FlagSet
	options   drive.Options
	switches  experiments.Options
	routes    string
	jetstream bool
	debug     bool
}

// list collects a flag that may be given more than once.
type list struct{ values *[]string }

func (l list) String() string { return "" }

func (l list) Set(v string) error {
	*l.values = append(*l.values, v)
	return nil
}

func newServeFlags() *serveFlags {
	f := &serveFlags{set: flag.NewFlagSet("serve", flag.ContinueOnError)}
	f.set.SetOutput(discard{})
	text := func(p *string, names ...string) {
		for _, n := range names {
			f.set.StringVar(p, n, *p, "")
		}
	}
	text(&f.options.Addr, "a", "addr", "net")
	text(&f.options.ServerName, "n", "name", "server_name")
	text(&f.options.StoreDir, "sd", "store_dir")
	text(&f.options.Cluster, "cluster")
	text(&f.options.ClusterName, "cluster_name")
	text(&f.options.ClusterListen, "cluster_listen")
	text(&f.options.ClientAdvertise, "client_advertise")
	text(&f.routes, "routes")
	text(&f.switches.Profile, "profile")
	for _, n := range [...]string{"p", "port"} {
		f.set.IntVar(&f.options.Port, n, 0, "")
	}
	for _, n := range [...]string{"js", "jetstream"} {
		f.set.BoolVar(&f.jetstream, n, true, "")
	}
	for _, n := range [...]string{"D", "debug", "V", "trace", "DV"} {
		f.set.BoolVar(&f.debug, n, false, "")
	}
	f.set.Var(list{&f.switches.Set}, "set", "")
	f.set.BoolVar(&f.options.Unsafe, "unsafe", false, "")
	f.set.BoolVar(&f.options.NewCluster, "new_cluster", false, "")
	return f
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func (c *cli) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve [nats-server's flags]",
		Short: "Run the broker for real: TCP, files, NATS clients",
		Long: `Run the broker for real, until interrupted. The flags are nats-server's, with one dash or two:

  -a, --addr HOST             where clients connect (127.0.0.1)
  -p, --port PORT             4222; -1 takes a free one
  -n, --name, --server_name   the server's name
  -js, --jetstream            always on
  -sd, --store_dir DIR        the data directory (brokerlab-data)
  --cluster URL               this node's address for its peers, as nats://host:port
  --cluster_listen HOST:PORT  where to listen instead, where the two differ
  --client_advertise HOST:PORT
                              where clients of the whole cluster are told to reach this node
  --cluster_name NAME         the same on all nodes
  --routes URL,URL            the addresses of all nodes
  -D, -V                      more in the log

and brokerlab's own:

  --profile P                 switches to start from: reference or nats
  --set switch=value          one switch; may be repeated
  --unsafe                    allow switches that may lose data
  --new_cluster               no cluster has been on these addresses before: most of its nodes may found it. Without
                              this a new cluster waits for all of its nodes, once`,
		Example: `  brokerlab serve -p 4222 -js -sd /var/lib/brokerlab
  brokerlab serve -p 4222 --cluster nats://10.0.0.1:6222 --routes nats://10.0.0.1:6222,nats://10.0.0.2:6222,nats://10.0.0.3:6222`,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			f := newServeFlags()
			if err := f.set.Parse(args); errors.Is(err, flag.ErrHelp) {
				return cmd.Help()
			} else if err != nil {
				return err
			}
			if f.set.NArg() > 0 {
				return fmt.Errorf("serve takes no arguments, got %q", f.set.Args())
			}
			return doing(func(cmd *cobra.Command, _ []string) error { return c.serve(cmd, f) })(cmd, nil)
		},
	}
}

func (c *cli) serve(cmd *cobra.Command, f *serveFlags) error {
	if !f.jetstream {
		return &experiments.UsageError{Why: "--jetstream=false: streams are what this broker is for"}
	}
	if f.options.Port < -1 || f.options.Port > 65535 {
		return &experiments.UsageError{Why: fmt.Sprintf("--port %d: want 1 to 65535, or -1", f.options.Port)}
	}
	switches, err := f.switches.Switches()
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if f.debug {
		level = slog.LevelDebug
	}
	f.options.Switches = switches
	f.options.Log = slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: level}))
	if f.routes != "" {
		f.options.Routes = strings.Split(f.routes, ",")
	}
	err = f.options.Serve(cmd.Context(), func(s *drive.Server) {
		fmt.Fprintf(c.err, "brokerlab: clients connect to nats://%s; interrupt to stop\n", s.Addr())
	})
	var wrong *drive.OptionsError
	if errors.As(err, &wrong) {
		return &experiments.UsageError{Why: wrong.Error()}
	}
	return err
}
