package calibrate

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestX(t *testing.T) {
	tables, err := Steps(Options{Quick: true})
	require.NoError(t, err)
	for _, tb := range tables {
		tb.Print(os.Stdout)
	}
}
