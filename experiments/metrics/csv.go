package metrics

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// column is one column of metrics.csv; its name carries its unit.
type column struct {
	name  string
	value func(*Sample) int64
}

var columns = []column{
	{"time_s", func(s *Sample) int64 { return s.Second }},
	{"publish_offered_per_s", func(s *Sample) int64 { return s.Offered }},
	{"publish_acked_per_s", func(s *Sample) int64 { return s.Acked }},
	{"publish_failed_per_s", func(s *Sample) int64 { return s.Failed }},
	{"publish_unknown_per_s", func(s *Sample) int64 { return s.Unknown }},
	{"publish_latency_p50_us", func(s *Sample) int64 { return s.PublishP50US }},
	{"publish_latency_p99_us", func(s *Sample) int64 { return s.PublishP99US }},
	{"publish_latency_max_us", func(s *Sample) int64 { return s.PublishMaxUS }},
	{"read_ok_per_s", func(s *Sample) int64 { return s.ReadOK }},
	{"read_failed_per_s", func(s *Sample) int64 { return s.ReadFailed }},
	{"read_unknown_per_s", func(s *Sample) int64 { return s.ReadUnknown }},
	{"read_latency_p50_us", func(s *Sample) int64 { return s.ReadP50US }},
	{"read_latency_p99_us", func(s *Sample) int64 { return s.ReadP99US }},
	{"read_latency_max_us", func(s *Sample) int64 { return s.ReadMaxUS }},
	{"elections_per_s", func(s *Sample) int64 { return s.Elections }},
	{"faults_active", func(s *Sample) int64 { return s.FaultsActive }},
}

// WriteCSV writes one row a second under a header. A latency of a second in which nothing
// succeeded is empty, not 0.
func (r *Run) WriteCSV(w io.Writer) error {
	b := bufio.NewWriter(w)
	for i, c := range columns {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(c.name)
	}
	b.WriteByte('\n')
	for i := range r.Samples {
		for j, c := range columns {
			if j > 0 {
				b.WriteByte(',')
			}
			if v := c.value(&r.Samples[i]); v != 0 || !strings.Contains(c.name, "latency") {
				fmt.Fprint(b, v)
			}
		}
		b.WriteByte('\n')
	}
	return b.Flush()
}
