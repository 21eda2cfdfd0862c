package passthrough

import (
	"encoding/json"

	"handoff/internal/protocol"
)

// vendorAnswer is the envelope of the vendor's APIs, as public code of its customers reads it; the page does not show the answer to a send.
type vendorAnswer struct {
	StatusCode int             `json:"statusCode"`
	Message    string          `json:"message"`
	Data       json.RawMessage `json:"data"`
}

// metaError is how Meta says that something went wrong.
type metaError struct {
	Error struct {
		Message string `json:"message"`
		Type    string `json:"type"`
		Code    int    `json:"code"`
	} `json:"error"`
}

// Answer is the body that answers a send, in the form in which the send came: the vendor's {statusCode, message, data} with Meta's
// answer under data, or Meta's answer as its bytes. Where Meta has answered nothing, data is null, and Meta's form holds an error
// of its shape with our status as its code.
func Answer(vendor bool, status int, meta json.RawMessage, message string) []byte {
	if !json.Valid(meta) {
		meta = nil
	}
	if vendor {
		return encode(vendorAnswer{StatusCode: status, Message: message, Data: meta})
	}
	if meta != nil {
		return meta
	}
	failed := metaError{}
	failed.Error.Message, failed.Error.Type, failed.Error.Code = message, "HandoffException", status
	return encode(failed)
}

// encode has no error. What it is given can always be encoded: its JSON is valid.
func encode(body any) []byte {
	out, err := protocol.Encode(body)
	if err != nil {
		return nil
	}
	return out
}
