package signin_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/signin"
)

// What is read of a token before it is checked names an issuer and between one and twenty audiences, or nothing.
func FuzzRead(f *testing.F) {
	for _, claims := range []string{
		`{"iss":"https://a","aud":"b"}`, `{"iss":"https://a","aud":["b","c"]}`, `{"iss":"https://a","aud":[]}`, `{"iss":"https://a","aud":null}`, `{"iss":"https://a"}`,
		`{"iss":"","aud":"b"}`, `{"iss":1,"aud":2}`, `[]`, `null`, `{"iss":"a","iss":"b","aud":{"c":1}}`, "\xff",
		`{"iss":"a\u0000","aud":"b"}`, `{"iss":"a","aud":["b","c\u0000"]}`,
	} {
		f.Add("eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".x")
	}
	f.Add("..")
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		issuer, audiences, ok := signin.Read(token)
		if !ok {
			return
		}
		require.True(t, signin.IsToken(token))
		require.NotEmpty(t, issuer)
		require.NotEmpty(t, audiences)
		require.LessOrEqual(t, len(audiences), 20)
		require.NotContains(t, issuer+strings.Join(audiences, ""), "\x00", "PostgreSQL takes none")
	})
}
