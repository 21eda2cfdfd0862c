package graph

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a file is called, its form has three parts, and no part of the name becomes a header.
func FuzzMultipartAround(f *testing.F) {
	f.Add("a.png", "image/png")
	f.Add("a\r\nX: y\"; x=\"", "image/png; a=\"b\"")
	f.Add("../\\", "a/\n")
	f.Fuzz(func(t *testing.T, name, mimeType string) {
		head, tail, contentType, err := multipartAround(File{Name: name, MIMEType: mimeType})
		if err != nil {
			return
		}
		_, params, err := mime.ParseMediaType(contentType)
		require.NoError(t, err)
		reader := multipart.NewReader(bytes.NewReader(slices.Concat(head, []byte("content"), tail)), params["boundary"])
		for _, want := range []string{"whatsapp", mimeType, "content"} {
			part, err := reader.NextPart()
			require.NoError(t, err)
			content, err := io.ReadAll(part)
			require.NoError(t, err)
			require.Equal(t, want, string(content))
			require.LessOrEqual(t, len(part.Header), 2)
		}
		_, err = reader.NextPart()
		require.ErrorIs(t, err, io.EOF)
	})
}
