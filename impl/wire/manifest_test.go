package wire

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func drawManifest(t *rapid.T) Manifest {
	first := rapid.Uint64Range(1, 1<<60).Draw(t, "first")
	m := Manifest{First: first, Last: first + rapid.Uint64Range(0, 1000).Draw(t, "length") - 1, Bytes: rapid.Uint64().Draw(t, "bytes")}
	m.Count = rapid.Uint64Range(0, m.Last-first+1).Draw(t, "count")
	m.State = rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "state")
	return m
}

func TestAManifestSurvivesItsCodecAndNoCutOfItDecodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawManifest(t)
		p := AppendManifest(nil, &want)
		got, err := DecodeManifest(p)
		if err != nil || len(got.State) != len(want.State) {
			t.Fatalf("%+v became %+v (%v)", want, got, err)
		}
		want.State, got.State = nil, nil
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v became %+v", want, got)
		}
		for n := range p {
			if m, err := DecodeManifest(p[:n]); err == nil {
				t.Fatalf("%d of %d bytes decode as %+v", n, len(p), m)
			}
		}
	})
}

func TestAManifestOfMoreMessagesThanSequencesIsRefused(t *testing.T) {
	for _, m := range []Manifest{{}, {First: 3, Last: 1}, {First: 2, Last: 1, Count: 1}, {First: 2, Last: 3, Count: 3}} {
		if got, err := DecodeManifest(AppendManifest(nil, &m)); err == nil {
			t.Errorf("%+v decodes as %+v", m, got)
		}
	}
}

func FuzzDecodeManifest(f *testing.F) {
	f.Add(AppendManifest(nil, &Manifest{State: []byte("state"), First: 3, Last: 9, Count: 4, Bytes: 100}))
	f.Add(AppendManifest(nil, &Manifest{First: 1}))
	f.Fuzz(func(t *testing.T, p []byte) {
		m, err := DecodeManifest(p)
		if err != nil {
			return
		}
		again, err := DecodeManifest(AppendManifest(nil, &m))
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Errorf("%+v became %+v (%v)", m, again, err)
		}
	})
}
