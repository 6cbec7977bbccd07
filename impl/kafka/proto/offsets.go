package proto

// FindCoordinatorRequest asks which broker keeps the committed offsets of a group.
type FindCoordinatorRequest struct{ Group string }

// Append implements Message.
func (m *FindCoordinatorRequest) Append(dst []byte) []byte { return putString(dst, m.Group) }
func (m *FindCoordinatorRequest) read(r *reader)           { m.Group = r.string() }

// FindCoordinatorReply names the broker; 0 with a code that says why there is none.
type FindCoordinatorReply struct {
	Code Code
	Node uint32
}

// Append implements Message.
func (m *FindCoordinatorReply) Append(dst []byte) []byte {
	return putUint(putInt(dst, int64(m.Code)), uint64(m.Node))
}
func (m *FindCoordinatorReply) read(r *reader) { m.Code, m.Node = Code(r.int()), uint32(r.uint()) }

// OffsetCommitRequest says that a group has processed everything of a partition below Offset, which is the next that it
// will read. Generation is that of the group's membership: 0 while assignments are static.
type OffsetCommitRequest struct {
	Group      string
	Generation int32
	ID         uint32
	Offset     int64
}

// Append implements Message. The answer is a CodeReply.
func (m *OffsetCommitRequest) Append(dst []byte) []byte {
	return putInt(putUint(putInt(putString(dst, m.Group), int64(m.Generation)), uint64(m.ID)), m.Offset)
}

func (m *OffsetCommitRequest) read(r *reader) {
	m.Group, m.Generation, m.ID, m.Offset = r.string(), int32(r.int()), uint32(r.uint()), r.int()
}

// OffsetFetchRequest asks for what a group has committed of a partition. The answer is an OffsetReply, whose Offset is -1 if it has
// committed nothing.
type OffsetFetchRequest struct {
	Group string
	ID    uint32
}

// Append implements Message.
func (m *OffsetFetchRequest) Append(dst []byte) []byte {
	return putUint(putString(dst, m.Group), uint64(m.ID))
}
func (m *OffsetFetchRequest) read(r *reader) { m.Group, m.ID = r.string(), uint32(r.uint()) }
