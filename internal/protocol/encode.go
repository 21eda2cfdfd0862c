package protocol

import (
	"bytes"
	"encoding/json"
)

// Encode writes JSON without a line break at its end and leaves <, > and & as they are: json.Marshal would escape them, and the bytes
// would differ from those that the vendors show.
func Encode(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
