package faults

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
)

// five is a cluster of five nodes whose stream S lives on n1, n2, n4 and T on all.
type five struct{ leader machine.NodeID }

func (c five) Size() int { return 5 }

func (c five) Leader(string) machine.NodeID { return c.leader }

func (c five) Members(stream string) []machine.NodeID {
	switch stream {
	case "S":
		return []machine.NodeID{1, 2, 4}
	case "T", Meta:
		return []machine.NodeID{1, 2, 3, 4, 5}
	}
	return nil
}

func TestRolesResolveToTheNodesThatFillThem(t *testing.T) {
	for _, c := range []struct {
		leader    machine.NodeID
		line, now string
	}{
		{2, "crash leader of S", "crash leader of S (n2)"},
		{2, "crash follower 1 of S", "crash follower 1 of S (n1)"},
		{2, "crash follower 2 of S", "crash follower 2 of S (n4)"},
		{2, "crash follower 3 of S", "crash follower 3 of S ()"},
		{0, "crash leader of S", "crash leader of S ()"},
		{0, "crash majority of S", "crash majority of S (n1 n2)"},
		{2, "crash majority of S", "crash majority of S (n1 n4)"},
		{2, "crash minority of S", "crash minority of S (n1)"},
		{3, "crash majority of T", "crash majority of T (n1 n2 n4)"},
		{3, "crash minority of T", "crash minority of T (n1 n2)"},
		{3, "crash followers of meta", "crash followers of meta (n1 n2 n4 n5)"},
		{3, "crash members of S", "crash members of S (n1 n2 n4)"},
		{3, "crash members of U", "crash members of U ()"},
		{3, "crash leader of S (n5)", "crash leader of S (n5)"},
		{4, "partition leader of S n1 | others", "partition leader of S (n4) n1 | others (n2 n3 n5)"},
		{4, "partition all | others", "partition all | others ()"},
	} {
		p, err := Parse(Header + "\nat 1s " + c.line + " for 1s")
		require.NoError(t, err)
		before := p.String()
		f := p.Faults[0].Resolve(five{c.leader})
		require.Equal(t, "at 1s "+c.now+" for 1s", f.String())
		require.Equal(t, before, p.String(), "resolving leaves the plan alone")
		q, err := Parse(Header + "\n" + f.String())
		require.NoError(t, err)
		require.Equal(t, f, q.Faults[0], "as parsed back")
	}
}

// matrix draws who cannot reach whom: rows send, columns receive, the last of each is the clients.
func matrix(t *testing.T, line string, size int) string {
	p, err := Parse(Header + "\nat 1s " + line)
	require.NoError(t, err)
	ends := []End{}
	for id := 1; id <= size; id++ {
		ends = append(ends, End{Node: machine.NodeID(id)})
	}
	ends = append(ends, End{Client: true})
	out := ""
	for _, a := range ends {
		for _, b := range ends {
			if p.Faults[0].Strikes(a, b, size) {
				out += "x"
			} else {
				out += "."
			}
		}
		out += " "
	}
	return out
}

func TestLinkFaultsStrikeWhomTheyName(t *testing.T) {
	require.Equal(t, ".xx. x... x... .... ", matrix(t, "partition n1 | n2 n3 for 1s", 3))
	require.Equal(t, ".xx. x..x x..x .xx. ", matrix(t, "partition n1 clients | n2 n3 for 1s", 3))
	require.Equal(t, "..x. .... x... .... ", matrix(t, "partition n1 n2 | n2 n3 for 1s", 3), "n2 is the bridge")
	require.Equal(t, ".x.. .... .... .... ", matrix(t, "cut n1 -> n2 for 1s", 3))
	require.Equal(t, ".... .... .... x... ", matrix(t, "cut clients -> n1 for 1s", 3))
	require.Equal(t, ".xx. x... x... .... ", matrix(t, "reset n1 - all", 3))
	require.Equal(t, "...x .... .... x... ", matrix(t, "slow-link n1 - clients +1ms for 1s", 3))
	require.Equal(t, "..xx.. ...xx. x...x. xx.... .xx... ...... ",
		matrix(t, "partition n1 n2 | n2 n3 | n3 n4 | n4 n5 | n5 n1 for 1s", 5), "a ring: each sees two others")
	require.Equal(t, ".... .... .... .... ", matrix(t, "crash all for 1s", 3))
}
