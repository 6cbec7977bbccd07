package words_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/study/words"
)

func TestTimesHaveThreeDigitsAndTheLargestUnitThatFits(t *testing.T) {
	for ns, want := range map[float64]string{
		0: "0 ns", 0.25: "0.25 ns", 7: "7 ns", 999.4: "999 ns", 999.6: "1 µs", 1234: "1.23 µs", 45_678: "45.7 µs", 999_600: "1 ms",
		20e6: "20 ms", 5.504e6: "5.5 ms", 123.4e6: "123 ms", 1.5e9: "1.5 s", 9.996e9: "10 s", 1234e9: "1234 s", -1500: "-1.5 µs",
	} {
		require.Equal(t, want, words.Nanos(ns))
	}
}

func TestSizesAreInPowersOf1024(t *testing.T) {
	for b, want := range map[float64]string{
		0: "0 B", 128: "128 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 1_047_552: "1023 KiB", 4 << 20: "4 MiB", 12_345_678: "11.8 MiB", 1 << 31: "2048 MiB",
	} {
		require.Equal(t, want, words.Bytes(b))
	}
}

func TestNumbersHaveNoExponent(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1: "1", 100: "100", 100_000: "100000", 12.3456: "12.35", 12_345.6: "12346", 0.123456: "0.1235", -3.5: "-3.5"} {
		require.Equal(t, want, words.Number(v))
	}
}

func TestSharesShowSmallOnesAndWholeOnes(t *testing.T) {
	require.Equal(t, "100.00 %", words.Percent(1))
	require.Equal(t, "99.83 %", words.PPM(998_300))
	require.Equal(t, "0.25 %", words.Percent(0.0025))
	require.Equal(t, "0.0012 %", words.Percent(0.0000123))
	require.Equal(t, "0.00 %", words.Percent(0))
	require.Equal(t, "0", words.Share([]int64{0, 0}, []int64{100, 100}))
	require.Equal(t, "50.00 % (20.00 % to 80.00 %)", words.Share([]int64{2, 8}, []int64{10, 10}))
}
