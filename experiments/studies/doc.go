// Package studies lists the studies, each of which is a package below it, and runs everything there is.
//
// It holds what is about all of them: the list and a study by its name, the essay's claims that they answer, and run all: every
// study and every judged experiment one after the other, of which one that fails keeps no other from running.
// How a study works is experiments/study. cmd and experiments/report/overview import it.
package studies
