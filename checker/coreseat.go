package checker

import "github.com/brokerlab/brokerlab/model/spec"

// seatCore appoints the judges of core messaging.
func (p *Panel) seatCore(rec *record, o Options, wanted func(...spec.ID) bool, add func(judge)) {
	log := newCoreLog(rec)
	var judges []judge
	appoint := func(id spec.ID, j judge) {
		if wanted(id) {
			judges = append(judges, j)
		}
	}
	appoint(spec.CoreNoPhantom, &corePhantom{log: log})
	appoint(spec.CoreAtMostOnce, &coreOnce{log: log})
	appoint(spec.CoreOrder, &coreOrder{log: log})
	appoint(spec.CoreNoGap, &coreGap{log: log, skipped: map[pair][2]int32{}})
	appoint(spec.CoreNoMiss, &coreMiss{log: log})
	appoint(spec.QueueOne, &queueOne{log: log, taken: map[pair]taken{}})
	appoint(spec.QueueServed, &queueServed{log: log, bound: o.RouteBound})
	appoint(spec.ReplyCorrelates, &replyCorrelates{log: log, given: map[string]int32{}, heard: map[pair]int32{}, spoke: map[pair]int32{}})
	appoint(spec.NoRespondersTrue, &noResponders{log: log})
	appoint(spec.RequestAnswered, &requestAnswered{log: log, answers: map[int32][]int32{}})
	appoint(spec.CoreProgress, &coreProgress{log: log, bound: o.CoreBound, answers: map[int32][]int32{}})
	if len(judges) == 0 {
		return
	}
	add(log) // first: the judges look at what it has just taken
	for _, j := range judges {
		add(j)
	}
}
