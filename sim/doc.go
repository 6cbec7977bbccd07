// Package sim is the world: it runs machines (model/machine) in virtual time, on
// simulated disks, clocks, connections and links, under a plan of faults (faults).
//
// Invariants:
//   - A run is a function of its Config. One goroutine; events order by (time, sequence);
//     no map order, clock, address or float reaches anything. Hash says so: it covers every
//     event, always.
//   - Random numbers are functions of what they are about (sim/choice): node, boot and
//     purpose; link and frame number; client, attempt and segment. Deleting a fault from a
//     plan moves no draw.
//   - A panic of a machine is a crash of its process, told to Hooks.Down; it never ends the run.
//   - A machine hears of what waits for a connection or link by the rule of the drivers
//     (machine.BacklogNews), and a paused connection is not read: its window fills.
//   - Every buffer has a limit: the window of a flow is what the network holds for it, a
//     queue of frames overflows (Raft: the frame is dropped; route: the session breaks), and a
//     process whose connections' output outgrows NetworkConfig.MaxBacklog is killed.
//
// Where things are: world.go the loop; event.go the heap; process.go life and death of
// processes; step.go one step and its effects; timers.go and clock.go; path.go what the
// network between two processes is like at the moment; pipe.go one direction of a flow; conn.go
// and dial.go client connections; link.go and session.go the peer links; fault.go and active.go
// the plan at work; roles.go who leads; trace.go the record; entropy.go the one
// process-wide variable.
//
// Left out, deliberately: processor time (a step takes none: World.cost is its place, from
// which the effects' release time follows), a network card shared by all flows of a node
// (pipe.free is per flow), accept queues, TCP's congestion control and user timeout.
// Connections do not lose bytes short of a reset; a partition shorter than anybody's patience
// only delays them, until the sender's next retransmission.
//
// The package sees faults and model, never a broker or a judge; experiments import it.
package sim
