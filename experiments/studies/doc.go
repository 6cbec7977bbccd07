// Package studies compares designs by measuring them: each study asks one question, runs many cells (a trial, or a judged run,
// at one point of a grid with one seed) in worker processes, keeps what they measured as CSV tables, and draws from the tables
// alone.
//
// Invariants:
//   - The tables of a study are a function of its options: same bytes in every process, whatever the number of workers.
//   - Figures, paragraphs and checks are a function of the tables: whoever has these can make those again.
//   - What a study expects is a check that can fail; one that failed makes the study's verdict "violated".
//
// It imports experiments and what lies below. cmd imports it.
package studies
