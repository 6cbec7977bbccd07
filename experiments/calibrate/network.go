package calibrate

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"time"
)

// Network is what a connection over loopback takes.
type Network struct {
	Trips []int64 // there and back of 64 B, nanoseconds, in ascending order
	Write int64   // nanoseconds of a write of 64 B that somebody reads, one after the other
	Picos int64   // a byte, in writes of 256 KiB
	Fan   int64   // nanoseconds of a write of 160 B to each of many who sleep, one after the other
}

// measureNetwork talks to itself over loopback. Of several rounds each number is the best, but for small writes: those are cheap
// while the reader happens to be awake, and the median is of rounds of both kinds.
func measureNetwork(ctx context.Context, o *Options) (best Network, err error) {
	rounds, scale := 5, 4
	if o.Quick {
		rounds, scale = 1, 1
	}
	var writes []int64
	for round := range rounds {
		o.progress("loopback", round, rounds)
		if err := ctx.Err(); err != nil {
			return best, err
		}
		n, err := networkRound(2000*scale, 30_000*scale, int64(scale)*(256<<20))
		if err != nil {
			return best, err
		}
		writes = append(writes, n.Write)
		if round == 0 {
			best = n
		}
		best.Trips, best.Picos, best.Fan = quieter(best.Trips, n.Trips), min(best.Picos, n.Picos), min(best.Fan, n.Fan)
	}
	slices.Sort(writes)
	best.Write = writes[len(writes)/2]
	return best, nil
}

func networkRound(trips, writes int, bytes int64) (n Network, err error) {
	err = talk(func(c net.Conn) error { _, err := io.Copy(c, c); return err }, func(c net.Conn) (err error) {
		n.Trips, err = roundTrips(c, trips)
		return err
	})
	if err != nil {
		return n, err
	}
	drain := func(c net.Conn) error {
		buf := make([]byte, 256<<10)
		for {
			if _, err := c.Read(buf); err != nil {
				return nil
			}
		}
	}
	err = talk(drain, func(c net.Conn) error {
		took, err := write(c, 64, int64(writes)*64)
		n.Write = int64(took) / int64(writes)
		return err
	})
	if err != nil {
		return n, err
	}
	err = talk(drain, func(c net.Conn) error {
		took, err := write(c, 256<<10, bytes)
		n.Picos = max(int64(took)*1000/bytes, 1)
		return err
	})
	if err != nil {
		return n, err
	}
	n.Fan, err = fan(listeners, trips/20)
	return n, err
}

// listeners are how many connections a message is written to.
const listeners = 32

// fan writes to many connections in turn, once in a millisecond, and returns what one write took: the median of all rounds.
func fan(many, rounds int) (int64, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	var conns []net.Conn
	for range many {
		c, err := net.DialTimeout("tcp", l.Addr().String(), 5*time.Second)
		if err != nil {
			return 0, fmt.Errorf("over loopback: %w", err)
		}
		defer c.Close()
		conns = append(conns, c)
		far, err := l.Accept()
		if err != nil {
			return 0, fmt.Errorf("over loopback: %w", err)
		}
		defer far.Close()
		go io.Copy(io.Discard, far) //nolint:errcheck // it ends when the connection does
	}
	var times []int64
	for range rounds {
		time.Sleep(time.Millisecond)
		start := time.Now()
		for _, c := range conns {
			if _, err := write(c, 160, 160); err != nil {
				return 0, err
			}
		}
		times = append(times, int64(time.Since(start))/int64(many))
	}
	slices.Sort(times)
	return max(times[len(times)/2], 1), nil
}

// talk has two ends of a connection do their parts; the client's end of it ends the server's.
func talk(server, client func(net.Conn) error) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	served := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			err = server(c)
			c.Close()
		}
		served <- err
	}()
	c, err := net.DialTimeout("tcp", l.Addr().String(), 5*time.Second)
	if err != nil {
		return err
	}
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	err = client(c)
	c.Close()
	if bad := <-served; err == nil {
		err = bad
	}
	if err != nil {
		return fmt.Errorf("over loopback: %w", err)
	}
	return nil
}

func roundTrips(c net.Conn, n int) (times []int64, err error) {
	buf := make([]byte, 64)
	for range n {
		start := time.Now()
		if _, err := c.Write(buf); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			return nil, err
		}
		times = append(times, int64(time.Since(start)))
	}
	slices.Sort(times)
	return times, nil
}

func write(c net.Conn, size int, total int64) (time.Duration, error) {
	buf := make([]byte, size)
	start := time.Now()
	for sent := int64(0); sent < total; sent += int64(size) {
		if _, err := c.Write(buf); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}
