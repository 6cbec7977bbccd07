package spec

// streamGuarantees are what a stream promises beyond being a log: deduplication, expectations, limits and retention.
var streamGuarantees = []Guarantee{}

var streamClaims = []Claim{}
