package load

// Key names a place in the tree of random draws. A draw is a function of its key and number
// alone, so that deleting one client or one operation moves no other draw.
type Key uint64

// Sub is the key of a named part.
func (k Key) Sub(name string) Key {
	h := uint64(k)
	for i := 0; i < len(name); i++ {
		h = mix(h ^ uint64(name[i]))
	}
	return Key(mix(h ^ 0xff00))
}

// At is draw number n under the key.
func (k Key) At(n uint64) uint64 { return mix(mix(uint64(k)+0x9e3779b97f4a7c15) ^ n) }

// Below is draw number n, between 0 and limit-1 (0 if limit is 0). The bias of the remainder is
// below limit/2^64.
func (k Key) Below(n, limit uint64) uint64 {
	if limit == 0 {
		return 0
	}
	return k.At(n) % limit
}

// Exponential is draw number n of an exponential distribution of the given mean, from a quantile
// table: at most 6.2 times the mean, and never a float, whose logarithm differs between processors.
func (k Key) Exponential(n uint64, mean int64) int64 {
	q := int64(quantiles[k.At(n)>>56])
	return mean/65536*q + mean%65536*q/65536
}

// mix is the finaliser of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// quantiles of the exponential distribution at the middles of 256 equal parts, in 65536ths of
// the mean and scaled so that their own mean is exactly 65536.
var quantiles = [256]uint32{
	128, 386, 644, 903, 1164, 1425, 1688, 1951, 2216, 2482, 2748, 3016, 3285, 3555, 3826, 4099,
	4372, 4647, 4923, 5199, 5477, 5757, 6037, 6319, 6602, 6886, 7171, 7458, 7746, 8035, 8325, 8617,
	8910, 9204, 9500, 9796, 10095, 10394, 10695, 10998, 11302, 11607, 11914, 12222, 12531, 12842, 13155, 13469,
	13784, 14101, 14420, 14740, 15062, 15385, 15710, 16036, 16364, 16694, 17026, 17359, 17694, 18030, 18368, 18708,
	19050, 19394, 19739, 20086, 20435, 20786, 21139, 21494, 21851, 22209, 22570, 22932, 23297, 23664, 24032, 24403,
	24776, 25151, 25528, 25907, 26289, 26673, 27059, 27447, 27838, 28231, 28626, 29024, 29424, 29826, 30232, 30639,
	31049, 31462, 31877, 32295, 32716, 33139, 33566, 33994, 34426, 34861, 35298, 35739, 36182, 36629, 37078, 37531,
	37986, 38445, 38907, 39373, 39842, 40314, 40789, 41268, 41751, 42237, 42727, 43220, 43717, 44218, 44723, 45232,
	45744, 46261, 46782, 47307, 47836, 48370, 48908, 49450, 49997, 50548, 51105, 51665, 52231, 52802, 53378, 53958,
	54544, 55135, 55732, 56334, 56942, 57555, 58174, 58799, 59430, 60067, 60711, 61360, 62017, 62680, 63349, 64026,
	64709, 65400, 66098, 66804, 67517, 68238, 68968, 69705, 70451, 71205, 71968, 72740, 73521, 74312, 75112, 75923,
	76743, 77574, 78415, 79267, 80131, 81006, 81893, 82792, 83703, 84627, 85565, 86516, 87481, 88461, 89455, 90465,
	91490, 92532, 93590, 94666, 95760, 96872, 98004, 99155, 100327, 101520, 102735, 103974, 105236, 106522, 107835, 109174,
	110542, 111938, 113365, 114823, 116314, 117841, 119403, 121004, 122645, 124327, 126055, 127828, 129651, 131526, 133457, 135445,
	137496, 139614, 141801, 144064, 146408, 148839, 151364, 153989, 156724, 159577, 162561, 165686, 168968, 172423, 176070, 179931,
	184034, 188411, 193100, 198151, 203623, 209593, 216161, 223460, 231674, 241065, 252027, 265196, 281689, 303770, 337293, 409392,
}
