package metadata

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
)

// teller applies commands written as lines, and shows what became of partition 1.
type teller struct {
	s     *State
	index uint64
}

func (t *teller) do(line string) string {
	words := strings.Fields(line)
	num := func(i int) uint32 {
		n, err := strconv.ParseUint(strings.TrimPrefix(words[i], "n"), 10, 32)
		if err != nil {
			panic(line)
		}
		return uint32(n)
	}
	var c Command
	switch words[0] {
	case "up": // up n1 [clean]: register and unfence
		clean := uint64(0)
		if b := t.s.Broker(num(1)); b != nil && len(words) > 2 {
			clean = b.Epoch
		}
		t.index++
		r := t.s.Apply(t.index, &Command{Register: &proto.RegisterRequest{Node: num(1), Incarnation: t.index, Clean: clean}})
		c.Unfence = &Session{num(1), r.Epoch}
	case "register": // register n1 [clean]
		c.Register = &proto.RegisterRequest{Node: num(1), Incarnation: t.index + 1}
		if len(words) > 2 {
			c.Register.Clean = t.s.Broker(num(1)).Epoch
		}
	case "unfence":
		c.Unfence = &Session{num(1), t.s.Broker(num(1)).Epoch}
	case "fence":
		c.Fence = &Session{num(1), t.s.Broker(num(1)).Epoch}
	case "topic": // topic partitions replicas minisr
		c.Create = &proto.CreateTopicRequest{Name: "T", Partitions: int(num(1)), Replicas: int(num(2)), MinISR: int(num(3))}
	case "isr": // isr n1 n1 n2: n1 asks for {n1 n2}
		p := t.s.Partition(1)
		c.Alter = &proto.AlterPartitionRequest{Node: num(1), BrokerEpoch: t.s.Broker(num(1)).Epoch, ID: 1, LeaderEpoch: p.Epoch, PartitionEpoch: p.Version, Recovered: true}
		for i := range words[2:] {
			n := num(2 + i)
			c.Alter.ISR = append(c.Alter.ISR, n)
			c.Alter.Epochs = append(c.Alter.Epochs, t.s.Broker(n).Epoch)
		}
	case "stale-isr":
		p := t.s.Partition(1)
		c.Alter = &proto.AlterPartitionRequest{Node: num(1), BrokerEpoch: t.s.Broker(num(1)).Epoch, ID: 1, LeaderEpoch: p.Epoch, PartitionEpoch: p.Version - 1, ISR: []uint32{num(1)}, Epochs: []uint64{t.s.Broker(num(1)).Epoch}}
	case "elect":
		c.Elect = true
	default:
		panic(line)
	}
	t.index++
	r := t.s.Apply(t.index, &c)
	out := line + ": "
	if r.Code != proto.OK {
		return out + r.Code.String() + "\n"
	}
	p := t.s.Partition(1)
	if p == nil {
		return out + "ok\n"
	}
	leader := "nobody"
	if p.Leader != NoLeader {
		leader = fmt.Sprintf("n%d", p.Leader)
	}
	out += fmt.Sprintf("%s leads epoch %d, isr %v", leader, p.Epoch, p.ISR)
	if len(p.ELR) > 0 {
		out += fmt.Sprintf(", elr %v", p.ELR)
	}
	if len(p.LastKnown) > 0 {
		out += fmt.Sprintf(", last known %v", p.LastKnown)
	}
	if p.Recovering {
		out += ", recovering"
	}
	return out + "\n"
}

func TestTheControllerDecidesAsTheStoriesSay(t *testing.T) {
	datadriven.RunTest(t, "testdata/stories", func(t *testing.T, d *datadriven.TestData) string {
		tell := &teller{s: New(Settings{ELR: d.HasArg("elr"), Unclean: d.HasArg("unclean")})}
		var out strings.Builder
		for _, line := range strings.Split(strings.TrimSpace(d.Input), "\n") {
			out.WriteString(tell.do(line))
		}
		return out.String()
	})
}

// Whatever happens: a leader is in the ISR and up when it is elected, sets are sorted and of replicas, nobody is in both ISR and
// ELR, and epochs never fall.
func TestEveryCommandLeavesPartitionsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := Settings{ELR: rapid.Bool().Draw(t, "elr"), Unclean: rapid.Bool().Draw(t, "unclean")}
		tell := &teller{s: New(set)}
		for n := 1; n <= 3; n++ {
			tell.do(fmt.Sprintf("up n%d", n))
		}
		tell.do("topic 4 3 2")
		old := map[uint32][2]int32{}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			n := rapid.IntRange(1, 3).Draw(t, "node")
			switch rapid.SampledFrom([]string{"up", "fence", "register", "isr", "elect"}).Draw(t, "what") {
			case "up":
				tell.do(fmt.Sprintf("up n%d", n))
			case "fence":
				tell.do(fmt.Sprintf("fence n%d", n))
			case "register": // register n1 [clean]
				tell.do(fmt.Sprintf("register n%d", n))
			case "isr":
				tell.do(fmt.Sprintf("isr n%d n%d n%d", n, n, 1+n%3))
			default:
				tell.do("elect")
			}
			for _, p := range tell.s.Partitions() {
				require.True(t, slices.IsSorted(p.ISR) && slices.IsSorted(p.ELR))
				require.True(t, p.Leader == NoLeader || slices.Contains(p.ISR, p.Leader), "%d leads %v", p.Leader, p.ISR)
				require.True(t, p.Leader == NoLeader || tell.s.active(p.Leader))
				for _, id := range p.ELR {
					require.NotContains(t, p.ISR, id)
				}
				require.True(t, set.ELR || len(p.ISR) > 0, "without ELR the last member stays")
				require.True(t, p.Epoch >= old[p.ID][0] && p.Version >= old[p.ID][1])
				old[p.ID] = [2]int32{p.Epoch, p.Version}
			}
		}
	})
}

func FuzzParseCommand(f *testing.F) {
	f.Add((&Command{Fence: &Session{1, 2}}).Append(nil))
	f.Add((&Command{Create: &proto.CreateTopicRequest{Name: "T", Partitions: 1, Replicas: 3}}).Append(nil))
	f.Add((&Command{Elect: true}).Append(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		c, err := ParseCommand(p)
		if err != nil {
			return
		}
		again, err := ParseCommand(c.Append(nil))
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}
