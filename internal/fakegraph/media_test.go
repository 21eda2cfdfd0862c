package fakegraph_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (b bundle) fetch(t *testing.T, url, bearer string) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, body
}

func TestAFileHasAnAddressForFiveMinutes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.AddMedia("300", "image/png", "", []byte("bytes"))
	b.MediaAt("http://files.example.com/")
	_, info := b.do(t, http.MethodGet, "/v24.0/300", nil)
	require.Regexp(t, `^http://files\.example\.com/files/`, info["url"])
	b.MediaAt("")
	status, info := b.do(t, http.MethodGet, "/v24.0/300", nil)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "image/png", info["mime_type"])
	require.EqualValues(t, 5, info["file_size"])
	require.Len(t, info["sha256"], 64)
	url := info["url"].(string)

	status, content := b.fetch(t, url, token)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "bytes", string(content))
	status, _ = b.fetch(t, url, "")
	require.Equal(t, http.StatusUnauthorized, status)
	b.clock.pass(5*time.Minute + time.Second)
	status, _ = b.fetch(t, url, token)
	require.Equal(t, http.StatusNotFound, status)
	_, info = b.do(t, http.MethodGet, "/v24.0/300", nil)
	status, _ = b.fetch(t, info["url"].(string), token)
	require.Equal(t, http.StatusOK, status, "a new address")

	b.clock.pass(7 * 24 * time.Hour)
	status, _ = b.do(t, http.MethodGet, "/v24.0/300", nil)
	require.Equal(t, http.StatusBadRequest, status, "customers' files are kept for seven days")
}

func form(t *testing.T, product, mimeType string, content []byte) (string, []byte) {
	t.Helper()
	var buffer bytes.Buffer
	w := multipart.NewWriter(&buffer)
	require.NoError(t, w.WriteField("messaging_product", product))
	require.NoError(t, w.WriteField("type", mimeType))
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="a.png"`}, "Content-Type": {mimeType},
	})
	require.NoError(t, err)
	_, err = part.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return w.FormDataContentType(), buffer.Bytes()
}

func TestUploads(t *testing.T) {
	t.Parallel()
	b := setup(t)
	upload := func(product, mimeType string, content []byte) int {
		contentType, body := form(t, product, mimeType, content)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/v24.0/"+number+"/media", bytes.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Content-Type", contentType)
		response, err := http.DefaultTransport.RoundTrip(request)
		require.NoError(t, err)
		defer response.Body.Close()
		return response.StatusCode
	}
	require.Equal(t, http.StatusOK, upload("whatsapp", "image/png", []byte("x")))
	require.Equal(t, http.StatusOK, upload("whatsapp", "audio/ogg; codecs=opus", []byte("x")))
	require.Equal(t, http.StatusBadRequest, upload("", "image/png", []byte("x")))
	require.Equal(t, http.StatusBadRequest, upload("whatsapp", "image/png", nil))
	require.Equal(t, http.StatusBadRequest, upload("whatsapp", "image/gif", []byte("x")), "no type of WhatsApp's")
	require.Equal(t, http.StatusBadRequest, upload("whatsapp", "image/png", make([]byte, 5<<20+1)))
	status, _ := b.do(t, http.MethodPost, "/v24.0/"+number+"/media", []byte("{}"))
	require.Equal(t, http.StatusBadRequest, status)
}
