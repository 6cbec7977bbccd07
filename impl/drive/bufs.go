package drive

import "sync"

// Buffers come in classes, each four times the last: 1 KiB, 4 KiB … 1 MiB.
const (
	bufClasses = 6
	bufShift   = 10
	maxPooled  = 2 << 20 // larger ones are left to the collector
)

// chunk is a piece of output, or a read buffer. A chunk with ref set points at bytes that
// are not its own and must not be reused.
type chunk struct {
	b   []byte
	ref bool
}

var pools [bufClasses]sync.Pool

func classSize(class int) int { return 1 << (bufShift + 2*class) }

// classFor is the smallest class that holds n bytes, or the largest one.
func classFor(n int) int {
	c := 0
	for c < bufClasses-1 && classSize(c) < n {
		c++
	}
	return c
}

// getChunk returns an empty chunk with room for classSize(class) bytes.
func getChunk(class int) *chunk {
	if c, ok := pools[class].Get().(*chunk); ok {
		return c
	}
	return &chunk{b: make([]byte, 0, classSize(class))}
}

// putChunk gives a chunk back; the caller holds no part of it any longer.
func putChunk(c *chunk) {
	n := cap(c.b)
	if c.ref || n < classSize(0) || n > maxPooled {
		return
	}
	class := 0
	for class < bufClasses-1 && classSize(class+1) <= n {
		class++
	}
	c.b = c.b[:0]
	pools[class].Put(c)
}
