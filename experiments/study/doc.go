// Package study is the frame of every study: a question put to a grid of points, each run with every seed.
//
// A study (Study) names its tables and says what is done at each point. A Runner gives cells (a point and a seed) to worker
// processes, gathers the rows that they add, writes the tables as CSV, has the study conclude from them, and writes study.json.
//
// Invariants:
//   - The tables of a study are a function of its options: same bytes in every process, whatever the number of workers.
//   - Figures, paragraphs and checks are a function of the tables: whoever has these can make those again (Redraw).
//   - What a study expects is a check that can fail; one that failed makes the study's verdict "violated".
//
// It knows no study: who needs one by its name is given a Finder. experiments/studies, each study and cmd import it.
package study
