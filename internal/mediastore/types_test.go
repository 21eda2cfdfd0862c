package mediastore_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/corpora"
	"handoff/internal/mediastore"
)

const (
	jpeg   = "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"
	png    = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
	opaque = "application/octet-stream"
	opus   = "audio/ogg; codecs=opus"
	svg    = `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
	page   = `<!DOCTYPE html><html><script>alert(1)</script></html>`
)

// oggOf is the first page of an OGG file with one packet of a codec.
func oggOf(codec string) string {
	return "OggS\x00\x02" + strings.Repeat("\x00", 21) + "\x13" + codec + "\x01\x02"
}

// sniffed are the corpus's files, by what they are.
var sniffed = map[string]string{
	"3gp.3gp": "video/3gpp", "aac.aac": "audio/aac", "amr.amr": "audio/amr", "apng.png": "image/png", "audio.mp4": "audio/mp4",
	"avif.avif": "image/avif", "csv.csv": "text/csv", "doc.doc": "application/msword",
	"docx.docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "gif.gif": "image/gif",
	"html.html": "text/html; charset=utf-8", "html.utf8bom.html": "text/html; charset=utf-8",
	"iso88591.txt": "text/plain; charset=iso-8859-1", "jpg.jpg": "image/jpeg", "json.json": "application/json", "m4a.m4a": "audio/mp4",
	"mov.mov": "video/quicktime", "mp3.mp3": "audio/mpeg", "mp4.mp4": "video/mp4", "ogg.oga": "audio/ogg", "ogg.ogv": "video/ogg",
	"ogg.spx.oga": "audio/ogg", "pdf.pdf": "application/pdf", "png.png": "image/png", "ppt.ppt": "application/vnd.ms-powerpoint",
	"pptx.pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation", "svg.svg": "image/svg+xml",
	"utf16lebom.txt": "text/plain; charset=utf-16le", "utf8.txt": "text/plain; charset=utf-8", "vcf.vcf": "text/vcard",
	"wav.wav": "audio/wav", "webm.webm": "video/webm", "webp.webp": "image/webp", "xls.xls": "application/vnd.ms-excel",
	"xlsx.xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "zip.zip": "application/zip",
}

func TestSniffTheCorpus(t *testing.T) {
	t.Parallel()

	entries, err := os.ReadDir(filepath.Join(corpora.Dir(t), "media"))
	require.NoError(t, err)
	store, _ := folder(t)
	for _, entry := range entries {
		if entry.Name() == "LICENSE" {
			continue
		}
		info, err := store.Write(t.Context(), "k", bytes.NewReader(corpora.File(t, "media", entry.Name())), mediastore.Limits{})
		require.NoError(t, err)
		require.Equal(t, sniffed[entry.Name()], info.MIMEType, entry.Name())
	}
}

func TestSniffWhatIsNoneOfThem(t *testing.T) {
	t.Parallel()

	for content, want := range map[string]string{
		"": "text/plain", "\x00\x01\x02\x03": opaque, oggOf("OpusHead"): opus, oggOf("\x01vorbis"): "audio/ogg", jpeg: "image/jpeg",
		jpeg + page: "text/html", jpeg + strings.Repeat("\x00", 3000) + "<SCRIPT>": "text/html", png + svg: "text/html",
		"GIF89a/*" + svg: "text/html", "\x00\x01" + page: "text/html",
		jpeg + `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>`: "image/jpeg", // what cameras write
	} {
		require.Equal(t, want, mediastore.Sniff([]byte(content)), "%q", content)
	}
}

func TestType(t *testing.T) {
	t.Parallel()

	for _, tc := range []struct{ declared, sniffed, kind, want string }{
		// The two agree, or the declared one says more.
		{"image/jpeg", "image/jpeg", "image", "image/jpeg"},
		{"image/jpg", "image/jpeg", "image", "image/jpeg"},
		{"IMAGE/JPEG", "image/jpeg", "image", "image/jpeg"},
		{opus, opus, "audio", opus},
		{"audio/ogg;codecs=opus", "audio/ogg", "audio", opus},
		{"audio/mp4", "video/mp4", "audio", "audio/mp4"},
		{"video/mp4", "video/quicktime", "video", "video/mp4"},
		{"text/csv", "text/plain; charset=utf-8", "document", "text/csv"},
		{"text/plain; charset=iso-8859-1", "text/plain; charset=utf-8", "document", "text/plain; charset=iso-8859-1"},
		{"text/plain", "text/plain; charset=utf-8", "document", "text/plain; charset=utf-8"},
		{"application/epub+zip", "application/zip", "document", "application/epub+zip"},
		{"application/x-acme", opaque, "document", "application/x-acme"},
		{"audio/amr", opaque, "audio", "audio/amr"},
		// The bytes say more.
		{"audio/ogg", opus, "audio", opus},
		{"audio/opus", opus, "audio", opus},
		{"application/ogg", "audio/ogg", "audio", "audio/ogg"},
		{opaque, "image/png", "document", "image/png"},
		{"", "application/pdf", "document", "application/pdf"},
		{"", "video/mp4", "audio", "audio/mp4"},
		{"", "video/mp4", "video", "video/mp4"},
		{"", "video/webm", "audio", "audio/webm"},
		// The declared one is wrong.
		{"image/jpeg", "image/png", "image", "image/png"},
		{"image/jpeg", "application/zip", "image", "application/zip"},
		{"image/jpeg", "text/plain; charset=utf-8", "image", "text/plain; charset=utf-8"},
		{"image/jpeg", opaque, "image", opaque},
		{"application/pdf", "application/zip", "document", "application/zip"},
		{"application/pdf", opaque, "document", opaque},
		{"audio/aac", "audio/mp4", "audio", "audio/mp4"},
		{"text/html", "image/png", "image", "image/png"},
		{"nonsense", "image/png", "image", "image/png"},
		{"image/png\r\nX: y", "image/png", "image", "image/png"},
		// A browser would run it.
		{"image/jpeg", "text/html; charset=utf-8", "image", opaque},
		{"image/jpeg", "image/svg+xml", "image", opaque},
		{"image/svg+xml", "image/svg+xml", "image", opaque},
		{"image/svg+xml", opaque, "image", opaque},
		{"application/xhtml+xml", "text/xml; charset=utf-8", "document", opaque},
		{"text/html", "text/plain; charset=utf-8", "document", opaque},
		{"application/javascript", "text/plain", "document", opaque},
		{"TEXT/HTML; charset=x", "text/plain", "document", opaque},
		{"text/xml", opaque, "document", opaque},
		{"audio/mpeg", "text/html", "audio", opaque},
		{"", "", "", opaque},
	} {
		require.Equal(t, tc.want, mediastore.Type(tc.declared, tc.sniffed, tc.kind), "%+v", tc)
	}
}

// Whatever is claimed of whatever file, the outcome is no type that runs, and a claim never makes a picture or PDF of what is none.
func TestNoClaimMakesAFileRun(t *testing.T) {
	t.Parallel()

	found := slices.Collect(maps.Values(sniffed))
	claims := append(slices.Clone(found), "image/jpeg; a=b", "application/javascript", "text/html;", "text/xml", "application/xhtml+xml", "x")
	for _, declared := range claims {
		for _, seen := range found {
			for _, kind := range []string{"image", "audio", "video", "document", "sticker", ""} {
				got := mediastore.Type(declared, seen, kind)
				require.NotContains(t, got, "html")
				require.NotContains(t, got, "xml;")
				require.NotContains(t, got, "script")
				require.False(t, strings.HasSuffix(got, "xml") && !strings.Contains(got, "openxml"), got)
				if strings.HasPrefix(got, "image/") || got == "application/pdf" {
					require.Equal(t, seen, got)
				}
			}
		}
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()

	for _, tc := range []struct {
		kind, declared string
		want           int64
	}{
		{"image", "", 5 << 20},
		{"audio", "image/png", 16 << 20},
		{"video", "", 16 << 20},
		{"document", "image/png", 100 << 20},
		{"sticker", "image/webp", 500 << 10},
		{"", "image/png", 5 << 20},
		{"", "audio/ogg; codecs=opus", 16 << 20},
		{"", "video/mp4", 16 << 20},
		{"", "image/gif", 100 << 20},
		{"", "application/pdf", 100 << 20},
		{"", "", 100 << 20},
		{"", "image/", 100 << 20},
	} {
		require.Equal(t, tc.want, mediastore.Limit(tc.kind, tc.declared), "%+v", tc)
	}
}

func TestWhatWhatsAppTakes(t *testing.T) {
	t.Parallel()

	taken := map[string][]string{
		"audio":    {"aac.aac", "amr.amr", "audio.mp4", "m4a.m4a", "mp3.mp3", "mp4.mp4"},
		"document": slices.Sorted(maps.Keys(sniffed)),
		"image":    {"apng.png", "jpg.jpg", "png.png"},
		"sticker":  {"webp.webp"},
		"video":    {"3gp.3gp", "mp4.mp4"},
	}
	for kind, names := range taken {
		for name, mimeType := range sniffed {
			err := mediastore.CheckOutbound(kind, mediastore.Info{Size: 1000, MIMEType: mimeType})
			if slices.Contains(names, name) {
				require.NoError(t, err, "%s as %s", name, kind)
				continue
			}
			require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err), "%s as %s", name, kind)
		}
	}
	require.NoError(t, mediastore.CheckOutbound("audio", mediastore.Info{Size: 1, MIMEType: opus}), "bare audio/ogg it refuses")
}

func TestWhatWhatsAppRefusesIsSaidInPlainWords(t *testing.T) {
	t.Parallel()

	const mb = 1 << 20
	for _, tc := range []struct {
		kind, mimeType string
		size           int64
		code           handoff.Code
		want           string
	}{
		{"image", "image/gif", 1, handoff.CodeInvalid, "WhatsApp takes JPEG and PNG as image; this is image/gif: send it as document or convert it"},
		{
			"image", "image/png", 5*mb + 1, handoff.CodeTooLarge,
			"WhatsApp takes at most 5 MB as image; this has 5.1 MB: make it smaller or send it as document",
		},
		{"video", "video/mp4", 200 * mb, handoff.CodeTooLarge, "WhatsApp takes at most 16 MB as video; this has 200 MB: send it as document or convert it"},
		{"document", "a/b", 100*mb + 1, handoff.CodeTooLarge, "WhatsApp takes at most 100 MB as document; this has 100.1 MB: make it smaller"},
		{
			"sticker", "image/webp", 500<<10 + 1, handoff.CodeTooLarge,
			"WhatsApp takes at most 500 KB as sticker; this has 500.1 KB: make it smaller or send it as document",
		},
		{"text", "image/png", 1, handoff.CodeInvalid, `WhatsApp sends no file as "text": use audio, document, image, sticker or video`},
	} {
		err := mediastore.CheckOutbound(tc.kind, mediastore.Info{Size: tc.size, MIMEType: tc.mimeType})
		var e *handoff.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, tc.code, e.Code)
		require.Equal(t, tc.want, e.Message)
		require.NoError(t, mediastore.CheckOutbound("image", mediastore.Info{Size: 5 * mb, MIMEType: "image/png"}))
	}
}
