package broker

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/impl/wire"
)

// version is announced to clients, which gate features on it.
const version = "2.12.1"

func (b *Broker) makeInfo() wire.Info {
	return wire.Info{
		ServerID: fmt.Sprintf("BL%020d", b.env.Choices.Draw(purposeServerID, 0)), ServerName: b.cfg.Name, Version: version,
		Proto: 1, Host: b.cfg.Host, Port: b.cfg.Port, Headers: true, MaxPayload: b.cfg.MaxPayload,
		JetStream: true, Cluster: b.cfg.Cluster, ConnectURLs: b.connectURLs(),
	}
}

// connectURLs is where clients may connect: here, first, and to every node whose route is up. A node without
// peers announces nothing, as nats-server without a cluster.
func (b *Broker) connectURLs() []string {
	if len(b.peers) == 0 {
		return nil
	}
	var urls []string
	if !b.stopping {
		urls = append(urls, b.cfg.ClientURLs...)
	}
	for _, p := range b.peers {
		urls = append(urls, p.urls...)
	}
	return urls
}

// heardURLs learns where clients reach a peer; nil when it is gone.
func (b *Broker) heardURLs(p *peer, urls []string) {
	p.urls = urls
	if urls := b.connectURLs(); !slices.Equal(urls, b.info.ConnectURLs) {
		b.info.ConnectURLs = urls
		b.tellClients()
	}
}

// tellClients sends INFO to every client that understands one which it did not ask for, and has finished its own
// greeting: others are told when they have (nats-server route.go, sendAsyncInfoToClients).
func (b *Broker) tellClients() {
	for _, id := range slices.Sorted(maps.Keys(b.conns)) {
		if c := b.conns[id]; c != nil && c.options.Protocol >= 1 && c.greeted {
			c.sendInfo(&b.info)
		}
	}
}

// lameDuck tells clients that this node is about to stop, so that they go elsewhere before it does.
func (b *Broker) lameDuck() {
	b.stopping = true
	b.info.ConnectURLs = b.connectURLs()
	b.info.LameDuck = true
	b.tellClients()
	b.info.LameDuck = false // or every later change would look like another
}

// sendInfo tells a client what holds for all, and what is its own.
func (c *conn) sendInfo(info *wire.Info) {
	own := *info
	own.ClientID, own.ClientIP = uint64(c.id), c.ip
	c.out.B = wire.AppendInfo(c.out.B, &own)
	c.wrote()
}

// accountName is what nats-server calls the account of whoever names none (server/accounts.go).
const accountName = "$G"

// greet ends a client's greeting with its first PING: one that understands INFO at any time is told
// what it is connected as (nats-server client.go, processPing).
func (c *conn) greet() {
	if c.greeted || !c.connected {
		return
	}
	c.greeted = true
	if c.options.Protocol >= 1 {
		info := c.b.info
		info.ConnectInfo, info.RemoteAccount = true, accountName
		c.sendInfo(&info)
	}
}

// hostOf is the address of host:port or [host]:port, as clients parse it.
func hostOf(remote string) string {
	if i := strings.LastIndexByte(remote, ':'); i >= 0 {
		remote = remote[:i]
	}
	return strings.TrimSuffix(strings.TrimPrefix(remote, "["), "]")
}
