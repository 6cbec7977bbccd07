// Package overview writes one page about many runs: every study and every judged experiment below a directory, in the order
// of the questions that the project was built to answer. It needs no network, no script and no file beside it; tables and
// pictures as files are linked relatively.
//
// Invariant: the page says what study.json, summary.json and all.json say, in their words. It measures and concludes nothing;
// what was not run is said to be missing.
//
// It imports experiments, its studies and hardware; cmd imports it.
package overview
