package checker

import "github.com/brokerlab/brokerlab/model/spec"

// seatStores appoints the judges of streams that look at what was shown under each number.
func seatStores(rec *record, st *stores, wanted func(...spec.ID) bool, add func(judge)) {
	if wanted(spec.NoFalseDuplicate) {
		add(&falseDuplicateJudge{rec: rec, stores: st})
	}
	if wanted(spec.ExpectedSequence) {
		add(&expectedJudge{rec: rec, stores: st})
	}
	if wanted(spec.DirectRead) {
		add(&directJudge{rec: rec, stores: st})
	}
}

// seatStreams appoints the judges of streams that look at what the committed log holds, or at clients alone.
func seatStreams(rec *record, o Options, wanted func(...spec.ID) bool, add func(judge)) {
	if wanted(spec.NoDoubleStore) {
		add(&storeTwiceJudge{rec: rec})
	}
	if wanted(spec.MonotonicReads) {
		add(&monotonicJudge{rec: rec})
	}
	if wanted(spec.RemovalByRule, spec.RetentionLimits, spec.AckedRemoval) {
		ls := newLedgers(rec)
		add(ls) // first: the judges below look at what it has just taken
		if wanted(spec.RemovalByRule) {
			add(&removalJudge{rec: rec, ledgers: ls})
		}
		if wanted(spec.RetentionLimits) {
			add(&retentionJudge{rec: rec, ledgers: ls, bound: o.ProgressBound / 2})
		}
		if wanted(spec.AckedRemoval) {
			add(&ackedRemovalJudge{rec: rec, ledgers: ls})
		}
	}
}
