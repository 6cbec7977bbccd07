package hardware

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
)

// Replace returns a profile of another name that has rows in place of p's. The error lists every fault of theirs.
func (p *Profile) Replace(name, about string, rows []Row) (*Profile, error) {
	q := &Profile{Name: name, About: about, rows: p.Constants(), collectors: maps.Clone(p.collectors)}
	var faults []error
	for _, row := range rows {
		d := definitionOf(row.Name)
		if d == nil {
			faults = append(faults, fmt.Errorf("%s is no constant's name", row.Name))
			continue
		}
		full := *d
		full.name = row.Name
		faults = append(faults, full.faults(&row.Constant)...)
		q.put(row)
	}
	if len(faults) == 0 {
		faults = q.faults()
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("hardware %s: %w", name, errors.Join(faults...))
	}
	return q, nil
}

// JSON is the profile as a file that Load reads: a constant a line, in the order of tables.
func (p *Profile) JSON() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n  \"name\": %s,\n  \"about\": %s,\n", quoted(p.Name), quoted(p.About))
	b.WriteString("  \"constants\": ")
	p.writeConstants(&b, "", machineConstants(), "  ")
	b.WriteString(",\n  \"programs\": {\n")
	for i, name := range programs {
		fmt.Fprintf(&b, "    %s: {\n      \"collector\": %s,\n      \"constants\": ", quoted(name), quoted(p.collectors[name]))
		p.writeConstants(&b, name+".", programConstants(), "      ")
		b.WriteString("\n    }" + comma(i, len(programs)) + "\n")
	}
	b.WriteString("  }\n}\n")
	return b.Bytes()
}

func (p *Profile) writeConstants(b *bytes.Buffer, prefix string, list []definition, indent string) {
	b.WriteString("{\n")
	for i, d := range list {
		fmt.Fprintf(b, "%s  %s: %s%s\n", indent, quoted(d.name), spaced(quoted(p.find(prefix+d.name).Constant)), comma(i, len(list)))
	}
	b.WriteString(indent + "}")
}

func comma(i, n int) string {
	if i < n-1 {
		return ","
	}
	return ""
}

// quoted is v as JSON, as people read it.
func quoted(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "null" // not of strings and numbers
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// spaced puts spaces between the fields of a constant.
func spaced(text string) string {
	for _, field := range []string{"unit", "mark", "source", "low", "high"} {
		text = strings.Replace(text, `,"`+field+`":`, `, "`+field+`": `, 1)
	}
	return strings.Replace(text, `{"value":`, `{"value": `, 1)
}
