package store

import "github.com/brokerlab/brokerlab/model/machine"

// Log is a node's write-ahead log.
type Log struct{}

// Stream is one stream's messages and checkpoint.
type Stream struct{}

const unbuilt = "store: not built yet"

func OpenLog(cfg LogConfig, img machine.Image, fx *machine.Effects, tokens func() machine.Token) (*Log, *Recovered, error) {
	panic(unbuilt)
}
func (l *Log) Append(group uint64, entries []Entry)                { panic(unbuilt) }
func (l *Log) SetHardState(group uint64, hs HardState, force bool) { panic(unbuilt) }
func (l *Log) Rebase(group uint64, index, term uint64)             { panic(unbuilt) }
func (l *Log) TruncateTo(group uint64, index uint64)               { panic(unbuilt) }
func (l *Log) Forget(group uint64)                                 { panic(unbuilt) }
func (l *Log) Pending() Ticket                                     { panic(unbuilt) }
func (l *Log) Durable() Ticket                                     { panic(unbuilt) }
func (l *Log) Flush(fx *machine.Effects)                           { panic(unbuilt) }
func (l *Log) SyncNow(fx *machine.Effects)                         { panic(unbuilt) }
func (l *Log) ForceSync()                                          { panic(unbuilt) }
func (l *Log) Done(token machine.Token, n int64, err error) (mine bool, failed error) {
	panic(unbuilt)
}
func (l *Log) Checkpointed(group uint64, index, term uint64)   { panic(unbuilt) }
func (l *Log) Free(fx *machine.Effects)                        { panic(unbuilt) }
func (l *Log) Laggard(maxSegments int) (group uint64, ok bool) { panic(unbuilt) }
func (l *Log) Segments() int                                   { panic(unbuilt) }
func (l *Log) Bytes() int64                                    { panic(unbuilt) }
func (l *Log) AcceptDamage()                                   { panic(unbuilt) }
func OpenStream(cfg StreamConfig, img machine.Image, fx *machine.Effects, tokens func() machine.Token) (*Stream, *Checkpoint, error) {
	panic(unbuilt)
}
func (s *Stream) Append(m Message)                                 { panic(unbuilt) }
func (s *Stream) Flush(fx *machine.Effects)                        { panic(unbuilt) }
func (s *Stream) State() (first, last uint64, count, bytes uint64) { panic(unbuilt) }
func (s *Stream) Get(fx *machine.Effects, seq uint64) (m Message, tok machine.Token, found bool) {
	panic(unbuilt)
}
func (s *Stream) LastOf(subject string) (seq uint64, ok bool) { panic(unbuilt) }
func (s *Stream) Done(token machine.Token, n int64, bytes []byte, err error) (mine bool, read *Message, failed error) {
	panic(unbuilt)
}
func (s *Stream) StartCheckpoint(fx *machine.Effects, index, term uint64, state []byte) bool {
	panic(unbuilt)
}
func (s *Stream) Checkpointed() (index, term uint64)            { panic(unbuilt) }
func (s *Stream) Reset(fx *machine.Effects)                     { panic(unbuilt) }
func (s *Stream) Remove(fx *machine.Effects)                    { panic(unbuilt) }
func (s *Stream) TruncateAfter(fx *machine.Effects, seq uint64) { panic(unbuilt) }
