package wire

import (
	"encoding/json"
	"fmt"
)

// Info is what a server says of itself, first of all and again when it changes.
type Info struct {
	ServerID     string   `json:"server_id"`
	ServerName   string   `json:"server_name"`
	Version      string   `json:"version"`
	Proto        int      `json:"proto"`
	Go           string   `json:"go,omitempty"`
	Host         string   `json:"host"`
	Port         int      `json:"port"`
	Headers      bool     `json:"headers"`
	AuthRequired bool     `json:"auth_required,omitempty"`
	TLSRequired  bool     `json:"tls_required,omitempty"`
	MaxPayload   int      `json:"max_payload"`
	JetStream    bool     `json:"jetstream,omitempty"`
	ClientID     uint64   `json:"client_id,omitempty"`
	ClientIP     string   `json:"client_ip,omitempty"`
	Nonce        string   `json:"nonce,omitempty"`
	Cluster      string   `json:"cluster,omitempty"`
	Domain       string   `json:"domain,omitempty"`
	ConnectURLs  []string `json:"connect_urls,omitempty"`
	LameDuck     bool     `json:"ldm,omitempty"`
	APILevel     int      `json:"api_lvl,omitempty"`
	// ConnectInfo marks the INFO that answers a CONNECT.
	ConnectInfo   bool   `json:"connect_info,omitempty"`
	RemoteAccount string `json:"remote_account,omitempty"`
	SystemAccount bool   `json:"acc_is_sys,omitempty"`
}

// AppendInfo appends an INFO line.
func AppendInfo(dst []byte, info *Info) []byte { return appendJSON(append(dst, "INFO "...), info) }

// ParseInfo reads the JSON of an INFO line; unknown fields are ignored.
func ParseInfo(text []byte, info *Info) error {
	if err := json.Unmarshal(text, info); err != nil {
		return fmt.Errorf("INFO is not as expected: %w", err)
	}
	return nil
}

// Connect is what a client says of itself.
type Connect struct {
	Verbose      bool   `json:"verbose"`
	Pedantic     bool   `json:"pedantic"`
	Echo         bool   `json:"echo"`
	TLSRequired  bool   `json:"tls_required"`
	Headers      bool   `json:"headers"`
	NoResponders bool   `json:"no_responders"`
	Protocol     int    `json:"protocol"`
	Name         string `json:"name"`
	Lang         string `json:"lang"`
	Version      string `json:"version"`
	User         string `json:"user,omitempty"`
	Pass         string `json:"pass,omitempty"`
	Token        string `json:"auth_token,omitempty"`
	NKey         string `json:"nkey,omitempty"`
	JWT          string `json:"jwt,omitempty"`
	Signature    string `json:"sig,omitempty"`
}

// DefaultConnect is what holds for a client that says nothing, as in nats-server.
func DefaultConnect() Connect { return Connect{Verbose: true, Pedantic: true, Echo: true} }

// ParseConnect reads the JSON of a CONNECT line into c. Fields that it does not mention stay as
// they are, so begin with DefaultConnect; unknown fields are ignored. The error is ErrParser.
func ParseConnect(text []byte, c *Connect) error {
	if err := json.Unmarshal(text, c); err != nil {
		return breach(ErrParser, "CONNECT is not as expected: %v", err)
	}
	return nil
}

// AppendConnect appends a CONNECT line.
func AppendConnect(dst []byte, c *Connect) []byte { return appendJSON(append(dst, "CONNECT "...), c) }

func appendJSON(dst []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("invariant broken: plain struct is not JSON: " + err.Error())
	}
	return append(append(dst, text...), "\r\n"...)
}
