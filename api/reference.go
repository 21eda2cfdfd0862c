package api

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
)

// Scalar's bundle (@scalar/api-reference 1.72.1, MIT) is embedded compressed: 1.3 MB in place of 4.4.
//
//go:embed docs
var docs embed.FS

// Scalar writes <style> elements and style attributes as it runs; everything else comes from here.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
	"font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var inflatedScalar = sync.OnceValues(func() ([]byte, error) {
	compressed, err := docs.ReadFile("docs/scalar.js.gz")
	if err != nil {
		return nil, err
	}
	reader, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
})

// serveReference serves the OpenAPI document and the page that shows it.
func (s *server) serveReference() error {
	s.describe()
	yaml, err := s.huma.OpenAPI().YAML()
	if err != nil {
		return err
	}
	asJSON, err := json.Marshal(s.huma.OpenAPI())
	if err != nil {
		return err
	}
	s.file("/openapi.yaml", "application/yaml", yaml)
	s.file("/openapi.json", "application/json", asJSON)
	for path, contentType := range map[string]string{"index.html": "text/html; charset=utf-8", "start.js": "text/javascript; charset=utf-8"} {
		content, err := docs.ReadFile("docs/" + path)
		if err != nil {
			return err
		}
		s.file("/docs/"+path, contentType, content)
		if path == "index.html" {
			s.file("/docs", contentType, content)
		}
	}
	compressed, err := docs.ReadFile("docs/scalar.js.gz")
	if err != nil {
		return err
	}
	s.plain(http.MethodGet, "/docs/scalar.js", route{scope: publicScope}, func(c *gin.Context) { s.serveScalar(c, compressed) })
	return nil
}

func (s *server) file(path, contentType string, content []byte) {
	s.plain(http.MethodGet, path, route{scope: publicScope}, func(c *gin.Context) {
		c.Header("Content-Security-Policy", docsPolicy)
		c.Header("Cache-Control", "no-cache")
		c.Data(http.StatusOK, contentType, content)
	})
}

func (s *server) serveScalar(c *gin.Context, compressed []byte) {
	c.Header("Cache-Control", "public, max-age=86400")
	c.Header("Vary", "Accept-Encoding")
	const contentType = "text/javascript; charset=utf-8"
	if strings.Contains(c.GetHeader("Accept-Encoding"), "gzip") {
		c.Header("Content-Encoding", "gzip")
		c.Data(http.StatusOK, contentType, compressed)
		return
	}
	plain, err := inflatedScalar()
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.Data(http.StatusOK, contentType, plain)
}
