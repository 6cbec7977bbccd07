// Package memory measures with what a broker's memory grows, one axis at a time, and holds each kind of use to the bound in its
// configuration.
//
// What a machine holds it says itself (machine.Use); what it does not account for no check sees. experiments/studies imports it.
package memory
