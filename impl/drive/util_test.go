package drive

import (
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/brokerlab/brokerlab/model/machine"
)

var errDeadline = os.ErrDeadlineExceeded

func itoa(i int) string { return strconv.Itoa(i) }

// clientMap is {a: addrA, b: addrB}.
func clientMap(a machine.NodeID, addrA string, b machine.NodeID, addrB string) map[machine.NodeID]string {
	return map[machine.NodeID]string{a: addrA, b: addrB}
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func timeIn(d time.Duration) time.Time { return time.Now().Add(d) }
