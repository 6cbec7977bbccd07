package hardware

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/sim/host"
)

// files are the profiles and program costs that are part of the binary.
//
//go:embed *.json programs/*.json
var files embed.FS

// machineFile is a profile as a file. One with a base need not name every constant: the base's hold for the others.
type machineFile struct {
	Name      string                     `json:"name"`
	About     string                     `json:"about"`
	Base      string                     `json:"base,omitempty"`
	Constants map[string]json.RawMessage `json:"constants"`
	// Programs that this machine has costs of its own for; programs/*.json hold for the others.
	Programs map[string]programFile `json:"programs,omitempty"`
}

type programFile struct {
	Name      string                     `json:"name,omitempty"`
	About     string                     `json:"about,omitempty"`
	Collector string                     `json:"collector,omitempty"`
	Constants map[string]json.RawMessage `json:"constants"`
}

// Names lists the profiles that are part of the binary.
func Names() (names []string) {
	found, _ := fs.Glob(files, "*.json")
	for _, f := range found {
		names = append(names, strings.TrimSuffix(f, ".json"))
	}
	return names
}

// Load reads a profile by its name, or from the path of a file. The error lists every fault of the file.
func Load(nameOrPath string) (*Profile, error) {
	text, err := open(nameOrPath)
	if err != nil {
		return nil, err
	}
	p, faults := parse(text)
	if len(faults) > 0 {
		return nil, fmt.Errorf("hardware %s: %w", nameOrPath, errors.Join(faults...))
	}
	return p, nil
}

func open(nameOrPath string) ([]byte, error) {
	if slices.Contains(Names(), nameOrPath) {
		return files.ReadFile(nameOrPath + ".json")
	}
	text, err := os.ReadFile(nameOrPath)
	if errors.Is(err, os.ErrNotExist) && !strings.ContainsAny(nameOrPath, `/\.`) {
		return nil, fmt.Errorf("hardware %q: neither a file nor one of %s: %w", nameOrPath, strings.Join(Names(), ", "), err)
	}
	return text, err
}

// parse reads a profile; the faults are all that there are.
func parse(text []byte) (p *Profile, faults []error) {
	var f machineFile
	if err := decode(text, &f); err != nil {
		return nil, []error{err}
	}
	p = &Profile{collectors: map[string]string{}}
	if f.Base != "" {
		if !slices.Contains(Names(), f.Base) {
			return nil, []error{fmt.Errorf("base %q is none of %s", f.Base, strings.Join(Names(), ", "))}
		}
		base, err := Load(f.Base)
		if err != nil {
			return nil, []error{err}
		}
		p = base
	}
	p.Name, p.About = f.Name, f.About
	if f.Name == "" {
		faults = append(faults, errors.New("name is empty"))
	}
	faults = append(faults, p.take("", machineConstants(), f.Constants)...)
	for _, name := range programs {
		faults = append(faults, p.takeProgram(name, f.Programs[name], f.Base != "")...)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Programs)) {
		if !slices.Contains(programs, name) {
			faults = append(faults, fmt.Errorf("program %q is none of %s", name, strings.Join(programs, ", ")))
		}
	}
	if len(faults) == 0 {
		faults = p.faults()
	}
	return p, faults
}

// takeProgram reads a program's costs: the binary's, unless a base has them already, and over them the machine's own.
func (p *Profile) takeProgram(name string, own programFile, based bool) (faults []error) {
	if !based {
		text, err := files.ReadFile("programs/" + name + ".json")
		if err != nil {
			return []error{err}
		}
		var f programFile
		if err := decode(text, &f); err != nil {
			return []error{fmt.Errorf("programs/%s: %w", name, err)}
		}
		p.collectors[name] = f.Collector
		faults = p.take(name+".", programConstants(), f.Constants)
	}
	if own.Collector != "" {
		p.collectors[name] = own.Collector
	}
	if kinds := []string{host.NoCollector, host.Go, host.G1, host.ZGC}; !slices.Contains(kinds, p.collectors[name]) {
		faults = append(faults, fmt.Errorf("%s: collector %q is none of %s", name, p.collectors[name], strings.Join(kinds, ", ")))
	}
	return append(faults, p.take(name+".", programConstants(), own.Constants)...)
}

// take puts the constants of a section into the profile, over those that it has.
func (p *Profile) take(prefix string, list []definition, constants map[string]json.RawMessage) (faults []error) {
	for _, d := range list {
		name := d.name
		text, given := constants[name]
		d.name = prefix + name
		if !given {
			if p.find(d.name) == nil {
				faults = append(faults, fmt.Errorf("%s is missing (or name a base)", d.name))
			}
			continue
		}
		c, err := d.read(text)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		faults = append(faults, d.faults(&c)...)
		p.put(Row{d.name, c})
	}
	for _, name := range slices.Sorted(maps.Keys(constants)) {
		if find(list, name) == nil {
			faults = append(faults, fmt.Errorf("%s is no constant's name", prefix+name))
		}
	}
	return faults
}

// decode reads one JSON document and nothing behind it.
func decode(text []byte, to any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(to); err != nil {
		return err
	}
	if dec.More() {
		return errors.New("something follows the document")
	}
	return nil
}
