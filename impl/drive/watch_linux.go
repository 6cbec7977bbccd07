package drive

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// peerPatience is how long a peer may leave bytes unacknowledged before the kernel calls the
// connection broken. A machine's own heartbeats are quicker.
const peerPatience = 10 * time.Second

func watchPeer(nc net.Conn) {
	tc, ok := nc.(*net.TCPConn)
	if !ok {
		return
	}
	_ = tc.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: time.Second, Count: 5})
	if raw, err := tc.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(peerPatience.Milliseconds()))
		}) // without it a break is noticed later
	}
}
