package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/hardware"
)

func TestCalibrateWritesAProfileThatLoadsAndLeavesNothingElse(t *testing.T) {
	if testing.Short() {
		t.Skip("it measures for seconds")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "mine.json")
	status, out, _, errs := brokerlab(t, "calibrate", "--quick", "--name", "mine", "--dir", dir, "--out", path)
	require.Zero(t, status, errs)
	require.Equal(t, path+"\n", out)
	require.Empty(t, errs, "progress is for terminals")
	p, err := hardware.Load(path)
	require.NoError(t, err)
	require.Equal(t, "mine", p.Name)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestCalibrateSaysWhatItCannotDo(t *testing.T) {
	status, _, _, errs := brokerlab(t, "calibrate", "--step", "--out", "x.json")
	require.Equal(t, experiments.ExitUsage, status)
	require.Contains(t, errs, "--step prints tables and makes no profile")
	status, _, _, errs = brokerlab(t, "calibrate", "twice")
	require.Equal(t, experiments.ExitUsage, status)
	require.Contains(t, errs, `unknown command "twice"`)
}
