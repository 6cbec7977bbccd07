package spec

// consumerGuarantees are what a consumer promises of deliveries and acks.
var consumerGuarantees = []Guarantee{}

var consumerClaims = []Claim{}
