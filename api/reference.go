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

//go:embed docs/index.html docs/start.js docs/SCALAR-LICENSE.txt
var docs embed.FS

// Scalar's bundle (@scalar/api-reference 1.72.1, MIT) is embedded compressed: 1.3 MB in place of 4.4.
//
//go:embed docs/scalar.js.gz
var compressedScalar []byte

// Scalar writes <style> elements and style attributes as it runs; everything else comes from here.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
	"font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var inflatedScalar = sync.OnceValues(func() ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(compressedScalar))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
})

// serveReference serves the OpenAPI document and the page that shows it.
func (s *server) serveReference() {
	s.describe()
	s.document("/openapi.yaml", "application/yaml", s.huma.OpenAPI().YAML)
	s.document("/openapi.json", "application/json", func() ([]byte, error) { return json.Marshal(s.huma.OpenAPI()) })
	page := func() ([]byte, error) { return docs.ReadFile("docs/index.html") }
	s.document("/docs", "text/html; charset=utf-8", page)
	s.document("/docs/index.html", "text/html; charset=utf-8", page)
	s.document("/docs/start.js", "text/javascript; charset=utf-8", func() ([]byte, error) { return docs.ReadFile("docs/start.js") })
	s.plain(http.MethodGet, "/docs/scalar.js", route{scope: publicScope}, s.serveScalar)
}

// document is rendered when it is first asked for: both forms of the OpenAPI document take a tenth of a second of a start.
func (s *server) document(path, contentType string, render func() ([]byte, error)) {
	rendered := sync.OnceValues(render)
	s.plain(http.MethodGet, path, route{scope: publicScope}, func(c *gin.Context) {
		content, err := rendered()
		if err != nil {
			s.refuse(c, err)
			return
		}
		c.Header("Content-Security-Policy", docsPolicy)
		c.Header("Cache-Control", "no-cache")
		c.Data(http.StatusOK, contentType, content)
	})
}

func (s *server) serveScalar(c *gin.Context) {
	c.Header("Cache-Control", "public, max-age=86400")
	c.Header("Vary", "Accept-Encoding")
	const contentType = "text/javascript; charset=utf-8"
	if strings.Contains(c.GetHeader("Accept-Encoding"), "gzip") {
		c.Header("Content-Encoding", "gzip")
		c.Data(http.StatusOK, contentType, compressedScalar)
		return
	}
	plain, err := inflatedScalar()
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.Data(http.StatusOK, contentType, plain)
}
