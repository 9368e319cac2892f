package givenup

import (
	"bytes"
	"errors"
	"slices"

	"github.com/go-json-experiment/json"
)

// Outstanding reads the answer of the function that was invoked with the payload and did not fail. It gives the sequence
// numbers of the records that it could not do; none where everything is done. The error says that the answer does not tell,
// so that nothing is known to be done.
//
// These are Lambda's rules for a function that reports failures: no answer is success, and an identifier of no record makes
// the whole batch a failure. What a function answers to an event, nobody reads.
// https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
func (f Failure) Outstanding(answer []byte) ([]string, error) {
	if !f.batch || len(bytes.TrimSpace(answer)) == 0 {
		return nil, nil
	}
	var a struct {
		Failures []struct {
			ID string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if json.Unmarshal(answer, &a) != nil {
		return nil, errors.New("its answer is none of a function that reports failures")
	}
	var out []string
	for _, failed := range a.Failures {
		if !slices.Contains(f.sequences, failed.ID) {
			return nil, errors.New("it reports a failure of no record in the batch")
		}
		out = append(out, failed.ID)
	}
	return out, nil
}
