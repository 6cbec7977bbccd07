package interest

import "github.com/brokerlab/brokerlab/model/subject"

const (
	// CacheLimit is how many answers the cache may hold; a sweep keeps the
	// CacheKept newest.
	CacheLimit = 1024
	CacheKept  = 256
)

// cache holds answers by subject. Which of them a sweep drops depends on the order in which they
// were put there and on nothing else.
type cache[T comparable] struct {
	byName map[string]*cached[T]
	order  []*cached[T] // oldest first, dropped ones included until the next sweep
}

type cached[T comparable] struct {
	name   string
	result *Result[T] // nil once dropped
}

func newCache[T comparable]() cache[T] { return cache[T]{byName: map[string]*cached[T]{}} }

func (c *cache[T]) get(name []byte) *Result[T] {
	if e := c.byName[string(name)]; e != nil {
		return e.result
	}
	return nil
}

func (c *cache[T]) put(name string, r *Result[T]) {
	if len(c.order) >= CacheLimit {
		c.sweep()
	}
	e := &cached[T]{name, r}
	c.byName[name] = e
	c.order = append(c.order, e)
}

// sweep forgets dropped answers, and the oldest of the others down to CacheKept.
func (c *cache[T]) sweep() {
	excess := len(c.byName) - CacheKept
	kept := c.order[:0]
	for _, e := range c.order {
		if e.result == nil {
			continue
		}
		if excess > 0 {
			excess--
			delete(c.byName, e.name)
			continue
		}
		kept = append(kept, e)
	}
	clear(c.order[len(kept):])
	c.order = kept
}

// drop forgets every answer that a change of filter could alter.
func (c *cache[T]) drop(filter string) {
	if subject.IsLiteral(filter) {
		if e := c.byName[filter]; e != nil {
			c.forget(e)
		}
		return
	}
	for _, e := range c.order {
		if e.result != nil && subject.Match(filter, e.name) {
			c.forget(e)
		}
	}
}

func (c *cache[T]) forget(e *cached[T]) {
	delete(c.byName, e.name)
	e.result = nil
}
