package plog

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// Open reads what survived of a log; each, if not nil, sees every batch that is kept, in order. What is torn is cut by
// effects. Torn is how many bytes were dropped.
func Open(cfg Config, image machine.Image, fx *machine.Effects, tokens func() machine.Token, each func(h proto.Head, data []byte)) (l *Log, torn int64, err error) {
	l = &Log{cfg: cfg, tokens: tokens, held: -1}
	segs, err := segments(cfg.Dir, image)
	if err != nil {
		return nil, 0, err
	}
	cut := false
	for _, s := range segs {
		if cut || s.base != l.end {
			// Behind a hole: nothing that follows joins the log.
			cut = true
			torn += s.size
			fx.Do(machine.DiskOp{Kind: machine.Remove, File: s.name})
			continue
		}
		good, err := l.load(s, image, each)
		if err != nil {
			return nil, 0, err
		}
		if good < s.size {
			cut = true
			torn += s.size - good
			fx.Do(machine.DiskOp{Kind: machine.Truncate, File: s.name, Off: good})
			s.size = good
		}
		l.segs = append(l.segs, s)
	}
	l.trim()
	return l, torn, nil
}

// segments lists the files of a log by their base offsets.
func segments(dir string, image machine.Image) ([]*segment, error) {
	names, err := image.List(dir)
	if err != nil && !errors.Is(err, machine.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	var segs []*segment
	for _, name := range names {
		full := name
		if !strings.HasPrefix(name, dir+"/") {
			full = dir + "/" + name
		}
		digits, ok := strings.CutSuffix(full[len(dir)+1:], ".log")
		base, bad := strconv.ParseInt(digits, 10, 64)
		if !ok || bad != nil || len(digits) != 20 {
			continue
		}
		size, err := image.Size(full)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", full, err)
		}
		segs = append(segs, &segment{base: base, name: full, size: size})
	}
	slices.SortFunc(segs, func(a, b *segment) int {
		switch {
		case a.base < b.base:
			return -1
		case a.base > b.base:
			return 1
		}
		return 0
	})
	return segs, nil
}

// load notes the batches of a segment up to the first that is not sound, and returns how many bytes they are.
func (l *Log) load(s *segment, image machine.Image, each func(proto.Head, []byte)) (good int64, err error) {
	data := make([]byte, s.size)
	n, err := image.ReadAt(s.name, data, 0)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, machine.ErrDiskIO) {
		return 0, fmt.Errorf("%s: %w", s.name, err)
	}
	data = data[:n]
	proto.EachBatch(data, func(h proto.Head, b []byte) bool {
		if h.Base != l.end || h.Epoch < l.LastEpoch() {
			return false
		}
		l.index(h, s, good, b)
		good += int64(h.Size)
		if each != nil {
			each(h, b)
		}
		return true
	})
	return good, nil
}
