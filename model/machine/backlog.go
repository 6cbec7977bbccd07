package machine

const (
	// growReport is by how much a backlog may grow beyond what was reported, if it has not doubled before.
	growReport = 4 << 20
	// reportEvery is how long bytes may leave a backlog without a word to the machine.
	reportEvery = 1_000_000_000
)

// BacklogNews is the rule, the same in every driver, by which a machine hears of output that waits
// (ConnDrained, PeerDrained): told is what it was last told, 0 for nothing, n what waits now, and age how
// long ago that was, in nanoseconds, if bytes have left just now; 0 if not. A backlog is reported when it
// begins, when it has halved, doubled or grown by 4 MiB, each second in which bytes leave, and when
// it is gone. A reader that stopped is so known by what grows behind it and by the absence of other news.
func BacklogNews(told, n, age int64) bool {
	if told == 0 || n == 0 {
		return told != n
	}
	return n <= told/2 || n >= told+min(told, growReport) || age >= reportEvery
}
