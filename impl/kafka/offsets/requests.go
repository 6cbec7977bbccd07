package offsets

import "github.com/brokerlab/brokerlab/impl/kafka/proto"

// Requests are what a coordinator does about each request of a consumer about its group.
type Requests struct {
	Find   func()
	Commit func(*proto.OffsetCommitRequest)
	Fetch  func(*proto.OffsetFetchRequest)
}

// Handle decodes a request and hands it to who handles it. Its error is of the bytes, which a broker closes the connection for.
func (r Requests) Handle(api proto.API, body []byte) error {
	switch api {
	case proto.FindCoordinator:
		var m proto.FindCoordinatorRequest
		if err := proto.Decode(body, &m, "find-coordinator"); err != nil {
			return err
		}
		r.Find()
	case proto.OffsetCommit:
		var m proto.OffsetCommitRequest
		if err := proto.Decode(body, &m, "offset-commit"); err != nil {
			return err
		}
		r.Commit(&m)
	default:
		var m proto.OffsetFetchRequest
		if err := proto.Decode(body, &m, "offset-fetch"); err != nil {
			return err
		}
		r.Fetch(&m)
	}
	return nil
}
