package machine

const (
	// growReport is by how much a backlog may grow beyond what was reported, if that is not a quarter of it already.
	growReport = 4 << 20
	// reportEvery is how long bytes may leave a backlog without a word to the machine.
	reportEvery = 1_000_000_000
)

// BacklogNews is the rule, the same in every driver, by which a machine hears of output that waits
// (ConnDrained, PeerDrained): told is what it was last told, 0 for nothing, n what waits now, and age how
// long ago that was, in nanoseconds, if bytes have left just now; 0 if not. A backlog is reported when it
// begins, when it has halved, grown by a quarter or by 4 MiB, each second in which bytes leave, and when
// it is gone. A reader that stopped is so known by what grows behind it and by the absence of other news; one that
// comes near a limit, before it is there.
func BacklogNews(told, n, age int64) bool {
	if told == 0 || n == 0 {
		return told != n
	}
	return n <= told/2 || n >= told+min(told/4+1, growReport) || age >= reportEvery
}
