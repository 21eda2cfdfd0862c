package api

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
)

// Whatever a body says, it is taken for a file or refused in words; a file is never longer than its body.
func FuzzUploadBody(f *testing.F) {
	part := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhello\r\n"
	kind := "--b\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nimage\r\n"
	for _, body := range []string{"", "hello", part, part + "--b--", kind + part + "--b--\r\n", part + kind + "--b--\r\n", part + "--b\r\n"} {
		f.Add("multipart/form-data; boundary=b", "", body)
		f.Add("image/png", "kind=image&filename=%0d%0a", body)
	}
	f.Fuzz(func(t *testing.T, contentType, query, body string) {
		request := httptest.NewRequest("POST", "/v1/media", strings.NewReader(body))
		request.URL.RawQuery = query
		request.Header.Set("Content-Type", contentType)
		file, err := openFile(request)
		if err != nil {
			require.NotEqual(t, handoff.CodeInternal, handoff.ErrorCode(err))
			return
		}
		content, err := io.ReadAll(file.content)
		if err != nil {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			return
		}
		require.Contains(t, body, string(content))
		if err := file.finish(); err != nil {
			require.NotEqual(t, handoff.CodeInternal, handoff.ErrorCode(err))
			return
		}
		require.LessOrEqual(t, len(file.declared), maxDeclared)
		require.Contains(t, append([]string{""}, fileKinds...), file.kind)
	})
}
