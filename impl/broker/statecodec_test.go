package broker

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/stream"
)

func aRecord() *streamRecord {
	r := &streamRecord{clock: 5, stamp: 4, lastID: "x", version: 7, consumers: []byte("theirs")}
	r.cfg = stream.Config{Name: "S", Subjects: []string{"s.>"}, MaxMsgs: 3, Metadata: map[string]string{"b": "1", "a": "2"}}.Defaults()
	r.ids.Add("x", 1, 3)
	r.ids.Add("y", 2, 4)
	return r
}

func TestAStreamsStateIsReadAsItWasWritten(t *testing.T) {
	want := aRecord()
	got, err := decodeStreamRecord(want.encode())
	require.NoError(t, err)
	require.Equal(t, want.encode(), got.encode())
	require.True(t, want.cfg.Equal(got.cfg))
	seq, ok := got.ids.Find([]byte("y"))
	require.True(t, ok)
	require.EqualValues(t, 2, seq)
	require.Equal(t, "theirs", string(got.consumers))
}

func TestAStreamsStateOfAnotherFormOrWithAPieceMissingIsRefused(t *testing.T) {
	text := aRecord().encode()
	for n := range text {
		_, err := decodeStreamRecord(text[:n])
		require.Error(t, err, "%d of %d bytes", n, len(text))
	}
	_, err := decodeStreamRecord(append(text, 0))
	require.Error(t, err)
	text[0]++
	_, err = decodeStreamRecord(text)
	require.ErrorContains(t, err, "not of form 1")
}

func FuzzStreamState(f *testing.F) {
	f.Add(aRecord().encode())
	f.Add((&streamRecord{}).encode())
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := decodeStreamRecord(text)
		if err != nil {
			return
		}
		again, err := decodeStreamRecord(r.encode())
		if err != nil || string(again.encode()) != string(r.encode()) {
			t.Fatalf("%x is read as %x, which is read otherwise: %v", text, r.encode(), err)
		}
	})
}
