package drive

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/machine"
)

func TestTimersComeDueInOrderWhateverWasSetMovedAndCancelled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := timers{place: map[machine.TimerKey]int{}}
		model := map[machine.TimerKey]machine.Mono{}
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			key := machine.TimerKey{Kind: rapid.Uint32Range(0, 2).Draw(t, "kind"), ID: rapid.Uint64Range(0, 40).Draw(t, "id")}
			if rapid.IntRange(0, 3).Draw(t, "verb") == 0 {
				h.remove(key)
				delete(model, key)
				continue
			}
			at := machine.Mono(rapid.Int64Range(0, 300).Draw(t, "at"))
			h.set(key, at)
			model[key] = at
		}
		now := machine.Mono(rapid.Int64Range(0, 300).Draw(t, "now"))
		last := timer{at: -1}
		for {
			key, ok := h.due(now)
			if !ok {
				break
			}
			this := timer{model[key], key}
			if _, set := model[key]; !set || this.at > now || this.before(last) {
				t.Fatalf("%v came due at %d after %v; it was set: %v", this, now, last, set)
			}
			delete(model, key)
			last = this
		}
		for key, at := range model {
			if at <= now {
				t.Fatalf("%v at %d never came due at %d", key, at, now)
			}
		}
		if len(h.heap) != len(model) || len(h.place) != len(model) {
			t.Fatalf("%d timers are left, %d places, want %d", len(h.heap), len(h.place), len(model))
		}
	})
}

// The vectors are those of the SipHash paper's reference implementation: key 00 to 0f, and
// the sixteen bytes 00 to 0f.
func TestTheKeyedHashIsSipHash24(t *testing.T) {
	var b [16]byte
	for i := range b {
		b[i] = byte(i)
	}
	k0, k1 := binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:])
	if got, want := (choices{k0, k1}).hash(k0, k1), uint64(0x3f2acc7f57c29bdb); got != want {
		t.Fatalf("got %#x, want %#x", got, want)
	}
}

func TestDrawsDependOnSeedNodeBootPurposeAndIdAndOnNothingElse(t *testing.T) {
	base := newChoices(7, 1, 1)
	if base.Draw(1, 2) != newChoices(7, 1, 1).Draw(1, 2) {
		t.Fatal("the same draw gave two numbers")
	}
	for name, other := range map[string]uint64{
		"seed": newChoices(8, 1, 1).Draw(1, 2), "node": newChoices(7, 2, 1).Draw(1, 2), "boot": newChoices(7, 1, 2).Draw(1, 2),
		"purpose": base.Draw(2, 2), "id": base.Draw(1, 3),
	} {
		if other == base.Draw(1, 2) {
			t.Errorf("another %s gave the same number", name)
		}
	}
	u := dialUser(t, testServer(t, Config{Seed: 7}).Addr().String())
	v := dialUser(t, testServer(t, Config{Seed: 7}).Addr().String())
	if u.ask("draw 5") != v.ask("draw 5") {
		t.Fatal("two first boots with one seed drew differently")
	}
}

func TestConfigurationFaultsAreListedTogether(t *testing.T) {
	_, err := Start(Config{Peers: map[machine.NodeID]string{2: ""}})
	for _, want := range []string{"Boot is required", "node 0", "Dir is required", "peer 2 has no address", "PeerListen is required"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestClientsAreServedOverTLS(t *testing.T) {
	s := testServer(t, Config{ClientTLS: &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}})
	tc, err := tls.Dial("tcp", s.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer tc.Close()
	u := &user{t: t, nc: tc}
	u.id = strings.TrimPrefix(u.line(), "hello ")
	u.want("secret", "echo secret")
	u.say("blast 8000000\nclose")
	u.nc.SetReadDeadline(timeIn(deadline))
	if n, err := io.Copy(io.Discard, tc); err != nil || n != 8000000+int64(len("bye\n")) {
		t.Fatalf("%d bytes, %v", n, err)
	}
	nc, err := net.Dial("tcp", s.Addr().String()) // without TLS
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.Write([]byte("echo plain\n"))
	nc.SetReadDeadline(timeIn(deadline))
	if b, _ := io.ReadAll(nc); strings.Contains(string(b), "plain") {
		t.Fatalf("a client without TLS was answered: %q", b)
	}
}
