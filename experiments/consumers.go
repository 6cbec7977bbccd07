package experiments

import (
	"fmt"
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/spec"
)

const jobsName = "JOBS"

// jobs is a stream with a consumer whose deliveries come again after a second and a half.
var jobs = load.StreamSpec{Name: jobsName, Replicas: 3, Consumers: []load.ConsumerSpec{
	{Name: "W", AckWaitMS: 1500, MaxPending: 40},
	{Name: "LIMITED", Filters: []string{"JOBS.boss1"}, AckWaitMS: 400, MaxDeliver: 5, BackOffMS: []int64{400, 3000, 1000}},
}}

// queue keeps its messages until its one consumer has acked them.
var queue = load.StreamSpec{Name: "QUEUE", Replicas: 3, Retention: "workqueue", Consumers: []load.ConsumerSpec{{Name: "Q", AckWaitMS: 1200, MaxPending: 20}}}

// notes is a stream that keeps the newest alone, so that messages leave it that a consumer has delivered and nobody has settled; by
// consumers of every other kind: an ack settles what is below it, too; it pushes; it wants no acks.
var notes = load.StreamSpec{Name: "NOTES", Replicas: 3, MaxMsgs: 50, Consumers: []load.ConsumerSpec{
	{Name: "UPTO", Ack: "all", AckWaitMS: 1500, MaxPending: 30},
	{Name: "ONE", Filters: []string{"NOTES.author1-k1", "NOTES.*-k2"}, AckWaitMS: 1500, MaxPending: 30},
	{Name: "PUSH", AckWaitMS: 1500, Push: true, Group: "readers", HeartbeatMS: 500, FlowControl: true},
	{Name: "BARE", Ack: "none"},
}}

// consumerRedelivery has workers that die, dawdle, refuse and give up, while leaders change.
var consumerRedelivery = Experiment{
	Name:     "consumer-redelivery",
	Question: "Is every message delivered until it is settled, in time, counted, and by one worker at a time? (nats-server#4786)",
	Vary:     "profile",
	// Small limits: checkpoints are written, and logs begin anew, within the run.
	Cluster: rundir.Cluster{Nodes: 3, Streams: []load.StreamSpec{jobs, queue, notes}, Limits: rundir.Limits{TailBytes: 12 << 10, KeepBytes: 4 << 10, SegmentBytes: 32 << 10, MaxSegments: 2}},
	Load: load.Spec{Groups: []load.Group{
		{Name: "boss", Count: 2, Streams: []string{jobsName}, PublishPerSecond: 24},
		{Name: "clerk", Count: 1, Streams: []string{"QUEUE"}, PublishPerSecond: 10},
		{Name: "drudge", Count: 2, Work: &load.Work{Stream: "QUEUE", Consumer: "Q", ConfirmPercent: 30, NakPercent: 5, TermPercent: 5, ForgetPercent: 10, WorkMS: 15}},
		{Name: "hand", Count: 3, Work: &load.Work{Stream: jobsName, Consumer: "W", ConfirmPercent: 40, NakPercent: 8, NakDelayMS: 800, TermPercent: 2, ProgressPercent: 3, ForgetPercent: 4, LatePercent: 8, WorkMS: 20}},
		{Name: "author", Count: 1, Streams: []string{"NOTES"}, PublishPerSecond: 15, Keys: 3},
		{Name: "upto", Count: 2, Work: &load.Work{Stream: "NOTES", Consumer: "UPTO", ConfirmPercent: 20, NakPercent: 5, ForgetPercent: 30, WorkMS: 20, Batch: 5, NoWaitPercent: 30}},
		{Name: "one", Count: 1, Work: &load.Work{Stream: "NOTES", Consumer: "ONE", ConfirmPercent: 30, ForgetPercent: 20, WorkMS: 20, Batch: 20, MaxBytes: 1500, HeartbeatMS: 200}},
		{Name: "push", Count: 2, Work: &load.Work{Stream: "NOTES", Consumer: "PUSH", ConfirmPercent: 30, NakPercent: 5, ForgetPercent: 10, WorkMS: 20}},
		{Name: "bare", Count: 1, Work: &load.Work{Stream: "NOTES", Consumer: "BARE", Batch: 20}},
		{Name: "follow", Count: 1, Follow: &load.Follow{Stream: "NOTES"}},
		{Name: "few", Count: 1, Work: &load.Work{Stream: jobsName, Consumer: "LIMITED", NakPercent: 35, ForgetPercent: 15, WorkMS: 10}},
	}},
	Faults:   consumerTrouble,
	Duration: 34 * time.Second,
	Quiet:    10 * time.Second,
	Expect: map[string]Expectation{
		"nats": {Violated: []spec.ID{spec.AckFenced}, Also: append([]spec.ID{spec.AckIsFinal, spec.FirstOrder, spec.MaxAckPending, spec.AtLeastOnce, spec.ConsumerNoPhantom, spec.ConsumerProgress}, fallsWithDurability...)},
	},
}

// consumerTrouble changes the leader of the consumers' stream in every way, and takes a follower's power.
func consumerTrouble(key load.Key, c rundir.Cluster) faults.Plan {
	d := drawer{key}
	stream := c.Streams[0].Name
	leader := faults.LeaderOf(stream)
	var p faults.Plan
	for n := range int64(3) {
		what := fmt.Sprint("round ", n)
		at := (5000 + n*6000 + d.ms(what, 0, 1500)) * ms
		f := faults.Fault{At: at, Kind: faults.Crash, Targets: one(leader), For: d.ms(what+" for", 500, 3500) * ms}
		switch d.of(what+" how", 0, 1, 2, 3) {
		case 1:
			f.Kind = faults.Pause
		case 2:
			f.Kind, f.Targets = faults.Partition, []faults.Target{leader, faults.TheOthers()}
		case 3:
			f.Kind, f.Keep, f.Tear = faults.Power, d.keep(what+" keep"), true
		}
		// Who leads next has just come back from its checkpoint.
		back := faults.Fault{At: at - 1500*ms, Kind: faults.Crash, Targets: one(faults.FollowersOf(stream)), For: d.ms(what+" back", 50, 300) * ms}
		if d.of(what+" one", 0, 0, 1) == 1 {
			back.Targets = one(faults.FollowerOf(stream, 1))
		}
		p.Faults = append(p.Faults, back, f)
	}
	p.Faults = append(p.Faults, faults.Fault{At: d.time("reset", 6, 20), Kind: faults.Reset, Targets: []faults.Target{faults.Everyone(), faults.EveryClient()}})
	return p
}

// exactlyOnce has publishers that retry under deduplication ids and expectations that race, and workers that confirm their acks.
var exactlyOnce = Experiment{
	Name:     "exactly-once",
	Question: "Is each message stored once and settled once, when publishers retry and race? (nats-server#6415, #4320)",
	Vary:     "profile",
	Cluster: rundir.Cluster{Nodes: 3, Streams: []load.StreamSpec{
		{Name: "PAY", Replicas: 3, DuplicateWindowMS: 60_000, AllowDirect: true, AllowRollup: true, Consumers: []load.ConsumerSpec{{Name: "LEDGER", AckWaitMS: 3000}}},
		{Name: "KEYS", Replicas: 3, MaxMsgsPerSubject: 3, AllowDirect: true, AllowRollup: true},
	}},
	Load: load.Spec{Groups: []load.Group{
		{Name: "pay", Count: 3, Streams: []string{"PAY"}, PublishPerSecond: 24, IDPercent: 100, Retries: 6, RepeatPercent: 5, ReadPerSecond: 6, LastPercent: 30},
		{Name: "key", Count: 6, Streams: []string{"KEYS"}, PublishPerSecond: 60, Keys: 2, SharedKeys: true, KeyConditionalPercent: 80, ConditionalPercent: 5, RollupPercent: 3, ReadPerSecond: 12, KeyPercent: 70, DirectPercent: 30},
		{Name: "book", Count: 2, Work: &load.Work{Stream: "PAY", Consumer: "LEDGER", ConfirmPercent: 100, WorkMS: 10}},
	}},
	Faults:   leaderTrouble,
	Duration: 44 * time.Second,
	Quiet:    12 * time.Second,
	Expect: map[string]Expectation{
		"nats": {Violated: []spec.ID{spec.NoFalseDuplicate, spec.ExpectedSequence}, Also: append([]spec.ID{spec.NoDoubleStore, spec.MonotonicReads, spec.RemovalByRule, spec.AckIsFinal, spec.AckFenced, spec.AtLeastOnce}, fallsWithDurability...)},
	},
}

// leaderTrouble changes leaders where a leader's guesses show: cut off from its peers while clients reach it, so that it takes in
// what is never stored, and soon leading again (nats-server#6415); and gone with what its successor holds and has not
// applied, disks being slow (#4320).
func leaderTrouble(key load.Key, c rundir.Cluster) faults.Plan {
	d := drawer{key}
	var p faults.Plan
	for i := range c.Streams {
		leader := faults.LeaderOf(c.Streams[i].Name)
		for n := range int64(3) {
			what := fmt.Sprint(c.Streams[i].Name, " round ", n)
			at := (5000 + n*7500 + int64(i)*3500 + d.ms(what, 0, 500)) * ms
			if d.of(what+" how", 0, 1) == 0 {
				cut := d.ms(what+" for", 1800, 3000) * ms
				p.Faults = append(p.Faults,
					faults.Fault{At: at, Kind: faults.Partition, Targets: []faults.Target{leader, faults.TheOthers()}, For: cut},
					faults.Fault{At: at + cut + d.ms(what+" again", 200, 900)*ms, Kind: faults.Pause, Targets: one(leader), For: 3000 * ms})
				continue
			}
			p.Faults = append(p.Faults,
				faults.Fault{At: at, Kind: faults.SlowDisk, Targets: one(faults.Everyone()), For: 3000 * ms, Amount: d.of(what+" slow", 100, 300, 600)},
				faults.Fault{At: at + d.ms(what+" gone", 300, 900)*ms, Kind: faults.Crash, Targets: one(leader), For: d.ms(what+" back", 1500, 3500) * ms})
		}
	}
	return p
}

// streamRules has every rule by which messages leave a stream at work at once: limits, age, purges, deletes, rollups, and consumers of
// an interest stream, while leaders change and clocks are wrong.
var streamRules = Experiment{
	Name:     "stream-rules",
	Question: "Does a stream keep its limits, and remove what its rules say and nothing else, on every replica alike?",
	Vary:     "profile",
	Cluster: rundir.Cluster{
		Nodes: 3, Limits: rundir.Limits{TailBytes: 16 << 10, KeepBytes: 4 << 10, SegmentBytes: 32 << 10, MaxSegments: 2},
		Streams: []load.StreamSpec{
			{Name: "OLD", Replicas: 3, MaxMsgs: 40, DuplicateWindowMS: 4000, AllowRollup: true, AllowDirect: true},
			{Name: "NEW", Replicas: 3, MaxMsgs: 30, Discard: "new", DuplicateWindowMS: 60_000},
			{Name: "AGE", Replicas: 3, MaxAgeMS: 3000},
			{Name: "SUB", Replicas: 3, MaxMsgsPerSubject: 2, AllowDirect: true},
			{Name: "SIZE", Replicas: 3, MaxBytes: 3000, AllowDirect: true, AllowRollup: true},
			{Name: "TIGHT", Replicas: 3, MaxBytes: 680, MaxMsgsPerSubject: 2, MaxMsgSize: 64, Discard: "new", DiscardNewPerSubject: true},
			{Name: "BOTH", Replicas: 3, Retention: "interest", Consumers: []load.ConsumerSpec{{Name: "A", AckWaitMS: 1500}, {Name: "B", AckWaitMS: 1500}}},
		},
	},
	Load: load.Spec{Groups: []load.Group{
		{Name: "old", Count: 2, Streams: []string{"OLD"}, PublishPerSecond: 14, Keys: 3, IDPercent: 60, Retries: 3, RepeatPercent: 25, RollupPercent: 6, PurgePerMinute: 10, RemovePerSecond: 1, ReadPerSecond: 4, DirectPercent: 40},
		{Name: "fresh", Count: 2, Streams: []string{"NEW"}, PublishPerSecond: 12, IDPercent: 50, Retries: 3, RemovePerSecond: 6, ReadPerSecond: 3},
		// Nobody publishes for a quarter of a minute at a time: what is too old must go by itself.
		{Name: "aging", Count: 1, Streams: []string{"AGE"}, PublishPerSecond: 4, Moves: &load.Moves{EveryMS: 2500, DownMS: 17_000}},
		{Name: "aged", Count: 1, Streams: []string{"AGE"}, ReadPerSecond: 6, LastPercent: 30},
		{Name: "sub", Count: 3, Streams: []string{"SUB"}, PublishPerSecond: 14, Keys: 3, SharedKeys: true, KeyConditionalPercent: 60, ReadPerSecond: 8, KeyPercent: 70, DirectPercent: 30},
		{Name: "size", Count: 2, Streams: []string{"SIZE"}, PublishPerSecond: 14, Keys: 3, SharedKeys: true, RollupPercent: 2, RollupAllPercent: 2, ReadPerSecond: 6, NextPercent: 60, DirectPercent: 30},
		{Name: "tight", Count: 2, Streams: []string{"TIGHT"}, PublishPerSecond: 12, Keys: 5, RemovePerSecond: 6},
		{Name: "both", Count: 1, Streams: []string{"BOTH"}, PublishPerSecond: 8},
		{Name: "ann", Count: 1, Work: &load.Work{Stream: "BOTH", Consumer: "A", ConfirmPercent: 50, WorkMS: 5}},
		{Name: "bob", Count: 1, Work: &load.Work{Stream: "BOTH", Consumer: "B", ConfirmPercent: 50, ForgetPercent: 20, WorkMS: 200}},
	}},
	Faults:   rulesTrouble,
	Duration: 54 * time.Second,
	Quiet:    26 * time.Second,
	Expect: map[string]Expectation{
		// A leader that remembers ids when it proposes them remembers those that a full stream then refused.
		"nats": {Violated: []spec.ID{spec.NoFalseDuplicate}, Also: append([]spec.ID{spec.NoDoubleStore}, fallsWithDurability...)},
	},
}

// rulesTrouble changes leaders, takes power, and with every other seed has clocks step.
func rulesTrouble(key load.Key, c rundir.Cluster) faults.Plan {
	d := drawer{key}
	var p faults.Plan
	stepped := d.of("clocks step", 0, 1) == 1
	for n := range int64(4) {
		what := fmt.Sprint("round ", n)
		at := (5000 + n*5500 + d.ms(what, 0, 1500)) * ms
		leader := faults.LeaderOf(c.Streams[d.ms(what+" whose", 0, int64(len(c.Streams))-1)].Name)
		f := faults.Fault{At: at, Kind: faults.Crash, Targets: one(leader), For: d.ms(what+" for", 500, 3000) * ms}
		switch d.of(what+" how", 0, 1, 2) {
		case 1:
			f.Kind, f.Keep, f.Tear = faults.Power, d.keep(what+" keep"), true
		case 2:
			f.Kind, f.Targets = faults.Partition, []faults.Target{leader, faults.TheOthers()}
		}
		step := faults.Fault{At: at + 2500*ms, Kind: faults.Clock, Targets: one(faults.Node(1 + machine.NodeID(d.ms(what+" clock", 0, 2)))), Amount: (d.ms(what+" step", 0, 9000) - 4500) * ms}
		p.Faults = append(p.Faults, f)
		if stepped { // what is too old cannot be told where clocks are wrong
			p.Faults = append(p.Faults, step)
		}
	}
	return p
}
