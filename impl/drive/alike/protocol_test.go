//go:build !race

package alike

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// heard is what a server answers to a client that sends text, byte for byte but for INFO, up to the PONG of a last PING or
// the end of the connection.
func heard(t *testing.T, addr, text string) string {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	r := bufio.NewReader(nc)
	if info, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(info, "INFO ") {
		t.Fatalf("%q, %v", info, err)
	}
	if _, err := io.WriteString(nc, text+"PING\r\n"); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for pongs := 1 + strings.Count(strings.ToUpper(text), "\nPING\r"); pongs > 0; {
		line, err := r.ReadString('\n')
		if !strings.HasPrefix(line, "INFO ") {
			got.WriteString(line)
		}
		if line == "PONG\r\n" {
			pongs--
		}
		if err != nil {
			return got.String() + "(the end)"
		}
	}
	return got.String()
}

// Left out, because they differ: in which order one message reaches several subscriptions, and that nats-server forgets the
// subscriptions of whoever sends a second CONNECT (it could have moved to another account).
func TestTheProtocolIsAnsweredAlike(t *testing.T) {
	b := start(t)
	const plain = "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\n"
	long := strings.Repeat("x", 5000)
	for name, text := range map[string]string{
		"verbose":                  "CONNECT {\"verbose\":true,\"pedantic\":false}\r\nPING\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nUNSUB 1\r\nUNSUB 7\r\nSUB a..b 2\r\nPONG\r\n",
		"pedantic":                 "CONNECT {\"verbose\":false,\"pedantic\":true}\r\nSUB > 1\r\nPUB a.* 1\r\nx\r\nPUB a..b 1\r\nx\r\nSUB a.b. 2\r\n",
		"nothing said of itself":   "SUB a 1\r\nPUB a 1\r\nx\r\nPING\r\n",
		"echo":                     "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false}\r\nSUB a 1\r\nSUB a q 2\r\nPUB a 1\r\nx\r\nPING\r\n",
		"overlap":                  plain + "SUB a.b 2\r\nSUB a.b 2\r\nPUB a.b r 3\r\nabc\r\nUNSUB 2\r\nSUB a.* 1\r\nPUB a.c 0\r\n\r\nPUB a..c 1\r\nx\r\nPING\r\n",
		"queue":                    plain + "SUB a.* q 1\r\nPUB a.b 1\r\nx\r\nSUB a.> q 1\r\nUNSUB 1\r\nPUB a.b 1\r\ny\r\n",
		"auto-unsubscribe":         plain + "SUB a 1\r\nPUB a 1\r\n1\r\nUNSUB 1 3\r\nPUB a 1\r\n2\r\nPUB a 1\r\n3\r\nPUB a 1\r\n4\r\nSUB a 2\r\nPUB a 1\r\n5\r\nUNSUB 2 1\r\nPUB a 1\r\n6\r\n",
		"maximum taken back":       plain + "SUB a 1\r\nUNSUB 1 2\r\nUNSUB 1 3\r\nPUB a 1\r\n1\r\nPUB a 1\r\n2\r\nPUB a 1\r\n3\r\nPUB a 1\r\n4\r\n",
		"sid used again":           plain + "SUB a 1\r\nSUB b 1\r\nPUB b 1\r\nx\r\nPUB a 1\r\nx\r\n",
		"no responders":            plain + "SUB r.* 1\r\nSUB r.1 q 2\r\nUNSUB 1 1\r\nPUB nobody.here r.1 2\r\nhi\r\nPUB nobody r.2 0\r\n\r\nPUB nobody 0\r\n\r\n",
		"no responders, by nobody": "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true}\r\nSUB r 1\r\nPUB nobody r 0\r\n\r\n",
		"no inbox of its own":      plain + "SUB r q 1\r\nPUB nobody r 0\r\n\r\n",
		"headers":                  plain + "SUB a 1\r\nHPUB a 18 20\r\nNATS/1.0\r\na: b\r\n\r\nhi\r\nHPUB a r 12 12\r\nNATS/1.0\r\n\r\n\r\n",
		"case and blanks":          plain + "sub  a \t 1 \r\npub a\t 2 \r\nhi\r\nping\r\nPinG\r\n",
		"payload of lines":         plain + "SUB a 1\r\nPUB a 13\r\nPUB a 0\r\n\r\n \r\nPING\r\n",
		"another CONNECT":          plain + "CONNECT {\"verbose\":true,\"pedantic\":false}\r\nSUB a 1\r\nPUB a 1\r\nx\r\n",
		"CONNECT of nothing":       plain + "CONNECT {}\r\nSUB a 1\r\nPUB a r 1\r\nx\r\n",
		"unknown":                  plain + "HELLO\r\n",
		"unknown letters":          plain + "PUBX a 1\r\nx\r\n",
		"payload too long":         plain + fmt.Sprintf("PUB a %d\r\n", 2<<20),
		"payload longer than said": plain + "SUB a 1\r\nPUB a 1\r\nxyz\r\n",
		"control line too long":    plain + "SUB " + long + " 1\r\n",
		"publish line too long":    plain + "PUB " + long + " 1\r\nx\r\n",
		"no arguments":             plain + "UNSUB\r\n",
		"too few arguments":        plain + "SUB a\r\n",
		"no size":                  plain + "PUB a\r\n",
		"no number":                plain + "PUB a x\r\n",
		"no JSON":                  "CONNECT {\r\n",
		"header longer than all":   plain + "HPUB a 9 2\r\nhi\r\n",
		"headers not announced":    "CONNECT {\"verbose\":false}\r\nHPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n",
		"protocol of tomorrow":     "CONNECT {\"verbose\":false,\"protocol\":2}\r\n",
		"responders, no headers":   "CONNECT {\"verbose\":false,\"no_responders\":true}\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := heard(t, b.ours.ConnectedAddr(), text), heard(t, b.theirs.ConnectedAddr(), text)
			if ours != theirs {
				t.Errorf("%.300q\n  brokerlab:   %q\n  nats-server: %q", text, ours, theirs)
			}
		})
	}
}
