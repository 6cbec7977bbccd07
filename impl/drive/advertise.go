package drive

import (
	"net"
	"strconv"
)

// clientURLs is where clients reach a server that listens on host and port: there, or at every address of this
// machine that others can use if it listens on all of them (nats-server server.go, getConnectURLs).
func clientURLs(host string, port int) []string {
	hosts := []string{host}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		hosts = nil
		addrs, _ := net.InterfaceAddrs() // without them nothing is announced
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
				hosts = append(hosts, n.IP.String())
			}
		}
	}
	urls := make([]string, 0, len(hosts))
	for _, h := range hosts {
		urls = append(urls, net.JoinHostPort(h, strconv.Itoa(port)))
	}
	return urls
}
