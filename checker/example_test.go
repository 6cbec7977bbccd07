package checker_test

import (
	"fmt"
	"strings"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// A saved history is read, judged, and held against what its system claims.
func Example() {
	file := strings.NewReader(`{"schema":"brokerlab.history/1","seed":1,"system":"nats","streams":[{"name":"ORDERS","replicas":3}]}
{"i":1,"t":3201000000,"k":"invoke","f":"publish","op":1,"c":"c1","stream":"ORDERS","subject":"orders","v":"c1-17"}
{"i":2,"t":3202000000,"k":"event","f":"stored","n":1,"stream":"ORDERS","seq":1,"v":"c1-17"}
{"i":3,"t":3204000000,"k":"ok","f":"publish","op":1,"c":"c1","seq":1}
{"i":4,"t":20000000000,"k":"event","f":"down","n":1,"why":"power"}
{"i":5,"t":21000000000,"k":"event","f":"recovered","n":1,"stream":"ORDERS","first":1,"seq":0}
{"i":6,"t":21000000000,"k":"event","f":"up","n":1}
{"i":7,"t":22000000000,"k":"event","f":"healed"}
{"i":8,"t":23000000000,"k":"invoke","f":"read","op":2,"c":"c2","stream":"ORDERS","seq":1,"final":true}
{"i":9,"t":23100000000,"k":"ok","f":"read","op":2,"c":"c2","none":true}
{"i":10,"t":24000000000,"k":"event","f":"drained"}
`)
	h, err := history.ReadAll(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	report := checker.Run(h, checker.Options{})
	claims, err := spec.ClaimsOf(h.Header.System, h.Header.Settings)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Overall(claims))
	fmt.Println(report.Of(spec.NoAckedLoss).Sentence)
	// Output:
	// VIOLATED no-acked-loss
	// Message c1-17 was published by c1 at 3.201 s, stored by n1, acknowledged at 3.204 s (#3) as ORDERS:1 and lost at 20.000 s when power failed on n1: its log came back empty. The final reads end at ORDERS:0 (#9). In all 1 of 1 acknowledged message was lost: prefix 0, middle 0, postfix 1.
}
