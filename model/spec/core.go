package spec

// coreGuarantees are what core messaging promises: little, but not nothing.
var coreGuarantees = []Guarantee{}

var coreClaims = []Claim{}
