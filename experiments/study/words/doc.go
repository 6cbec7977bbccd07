// Package words writes numbers for readers: times, sizes, shares and plain numbers, with a few digits and their unit.
//
// Tables in CSV files hold exact numbers and do not use it. Whoever writes a text, a small table or a legend of a study does.
package words
