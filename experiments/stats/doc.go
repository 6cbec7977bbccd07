// Package stats are the few statistics that comparisons state: medians and means with intervals, paired differences, shares.
//
// Intervals are at 95 %, or the range of fewer than five values. Draws of the bootstrap are a function of the values and nothing else, so that the same table gives the
// same figure. It imports gonum; experiments/study, the studies and experiments/trial import it.
package stats
