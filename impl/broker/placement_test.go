package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
)

// created makes streams of so many replicas by asking node id, and says for how many it was answered that they are there.
func (l *lab) created(id machine.NodeID, prefix string, streams, replicas int) (made int) {
	for i := range streams {
		name := fmt.Sprintf("%s%d", prefix, i)
		if strings.Contains(l.ask(id, fmt.Sprintf(`STREAM.CREATE.%s | {"name":%q,"num_replicas":%d}`, name, name, replicas)), `"name":"`+name) {
			made++
		}
	}
	return made
}

func TestANewStreamIsPlacedOnNodesThatAreThere(t *testing.T) {
	l := newLab(t, 3, mustProfile(t, "reference"))
	l.createOrders()
	for _, down := range l.ids {
		l.power(down)
		id, _ := others(l, down)
		l.eventually("the others lead", func() bool { return l.leader("") != 0 && l.leader("ORDERS") != 0 })
		l.run(20)
		require.Equal(t, 6, l.created(id, fmt.Sprintf("WITHOUT%dONE", down), 6, 1), "of one replica, with n%d down", down)
		require.Equal(t, 6, l.created(id, fmt.Sprintf("WITHOUT%dTWO", down), 6, 2), "of two replicas, with n%d down", down)
		require.Equal(t, 3, l.created(id, fmt.Sprintf("WITHOUT%dALL", down), 3, 3), "of three replicas, with n%d down", down)
		l.boot(down)
		l.run(100)
	}
	require.Empty(t, l.broker(l.leader("")).meta().absentees())
}

func TestANodeThatLostItsPlaceInMetaIsGivenNoStream(t *testing.T) {
	l := newLab(t, 3, mustProfile(t, "reference"))
	l.createOrders()
	l.wipe(3)
	l.boot(3)
	meta := l.leader("")
	l.eventually("meta lets it in", func() bool { return l.broker(meta).groups[0].members.swapping() })
	require.Equal(t, []machine.NodeID{3}, l.broker(meta).meta().absentees())
	l.eventually("it is back", func() bool { return len(l.broker(l.leader("")).meta().absentees()) == 0 })
}
