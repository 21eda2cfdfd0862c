// Package payloadcodec seals what Temporal keeps of workflows: inputs, results, details and failures.
//
// Histories hold ids, states and times by design, so nothing has to be sealed. It is for operators who must not leave even those in
// somebody else's store, such as Temporal Cloud. What Temporal searches by, the workflow ids and search attributes, stays readable.
package payloadcodec

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"handoff/internal/secretbox"
)

// encoding marks a sealed payload. It stands in histories and never changes.
const encoding = "binary/handoff-sealed"

// Codec opens every payload that was sealed, and seals new ones if it was told to. A process that does not seal can so work beside one
// that does, which is how sealing is switched on and off with conversations open.
type Codec struct {
	box   *secretbox.Box
	seals bool
}

// New makes a codec over the key set for secrets at rest.
func New(box *secretbox.Box, seals bool) *Codec { return &Codec{box: box, seals: seals} }

// Seals tells whether new payloads are sealed.
func (c *Codec) Seals() bool { return c.seals }

// Encode seals payloads, each as a whole: what kind of value it was is not shown either.
func (c *Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if !c.seals {
		return payloads, nil
	}
	sealed := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		plain, err := proto.Marshal(payload)
		if err != nil {
			return nil, fmt.Errorf("seal a payload: %w", err)
		}
		data, err := c.box.Seal(plain, secretbox.Payload())
		if err != nil {
			return nil, err
		}
		sealed[i] = &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding)}, Data: data}
	}
	return sealed, nil
}

// Decode opens what is sealed and leaves the rest as it is.
func (c *Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	opened := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		if string(payload.GetMetadata()[converter.MetadataEncoding]) != encoding {
			opened[i] = payload
			continue
		}
		plain, err := c.box.Open(payload.GetData(), secretbox.Payload())
		if err != nil {
			return nil, err
		}
		opened[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(plain, opened[i]); err != nil {
			return nil, fmt.Errorf("open a payload: %w", err)
		}
	}
	return opened, nil
}
