package client

// deadlines is a heap of (time, operation). Completed operations stay until they come to the top.
type deadlines struct {
	heap []deadline
	set  int64 // what the timer is set to; 0 if it is not
}

type deadline struct {
	at  int64
	num uint64
}

func (d deadline) before(e deadline) bool { return d.at < e.at || d.at == e.at && d.num < e.num }

func (d *deadlines) push(at int64, num uint64) {
	d.heap = append(d.heap, deadline{at, num})
	for i := len(d.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !d.heap[i].before(d.heap[up]) {
			return
		}
		d.heap[i], d.heap[up] = d.heap[up], d.heap[i]
		i = up
	}
}

func (d *deadlines) pop() {
	last := len(d.heap) - 1
	d.heap[0] = d.heap[last]
	d.heap = d.heap[:last]
	for i := 0; ; {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < last && d.heap[child].before(d.heap[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		d.heap[i], d.heap[least] = d.heap[least], d.heap[i]
		i = least
	}
}

// due takes the first operation whose deadline is not after now.
func (d *deadlines) due(now int64) (num uint64, ok bool) {
	if len(d.heap) == 0 || d.heap[0].at > now {
		return 0, false
	}
	num = d.heap[0].num
	d.pop()
	return num, true
}

// first is the first deadline of an operation that is open; those of others before it go away.
func (d *deadlines) first(open func(num uint64) bool) (at int64, ok bool) {
	for len(d.heap) > 0 {
		if open(d.heap[0].num) {
			return d.heap[0].at, true
		}
		d.pop()
	}
	return 0, false
}
