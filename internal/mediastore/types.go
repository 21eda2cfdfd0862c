package mediastore

import (
	"bytes"
	"mime"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

const (
	unknown = "application/octet-stream"
	pdf     = "application/pdf"
	ogg     = "audio/ogg"
	plain   = "text/plain"
	// oggOpus is the type of a voice note. Meta refuses bare audio/ogg.
	oggOpus = "audio/ogg; codecs=opus"
	html    = "text/html"
)

// sniffBytes is how much of a file its type is read from; mimetype looks no further.
const sniffBytes = 4096

// aliases are types under the name that WhatsApp and browsers use.
var aliases = map[string]string{
	"application/x-ogg":            "application/ogg",
	"application/x-pdf":            pdf,
	"application/x-zip-compressed": "application/zip",
	"audio/aacp":                   "audio/aac",
	"audio/m4a":                    "audio/mp4",
	"audio/mp3":                    "audio/mpeg",
	"audio/opus":                   ogg,
	"audio/vnd.wave":               "audio/wav",
	"audio/wave":                   "audio/wav",
	"audio/x-aac":                  "audio/aac",
	"audio/x-m4a":                  "audio/mp4",
	"audio/x-mp3":                  "audio/mpeg",
	"audio/x-wav":                  "audio/wav",
	"image/apng":                   "image/png", // each APNG is a PNG
	"image/jpg":                    "image/jpeg",
	"image/pjpeg":                  "image/jpeg",
	"image/vnd.mozilla.apng":       "image/png",
	"image/x-png":                  "image/png",
	"text/x-vcard":                 "text/vcard",
	"video/3gp":                    "video/3gpp",
	"video/x-m4v":                  "video/mp4",
}

// containers are types that share a file format, so that the first bytes do not tell them apart.
var containers = map[string]string{
	"audio/3gpp": "mp4", "audio/mp4": "mp4", "video/3gpp": "mp4", "video/3gpp2": "mp4", "video/mp4": "mp4", "video/quicktime": "mp4",
	"application/ogg": "ogg", ogg: "ogg", "video/ogg": "ogg",
	"audio/webm": "webm", "audio/x-matroska": "webm", "video/webm": "webm", "video/x-matroska": "webm",
	"image/heic": "heif", "image/heif": "heif",
}

// executed are types in which a browser runs code, beside all of +xml.
var executed = map[string]bool{
	"application/ecmascript": true, "application/hta": true, "application/javascript": true, "application/wasm": true,
	"application/x-javascript": true, "application/x-mimearchive": true, "application/x-shockwave-flash": true, "application/xml": true,
	"message/rfc822": true, "multipart/related": true, "multipart/x-mixed-replace": true, "text/cache-manifest": true, "text/css": true,
	"text/ecmascript": true, html: true, "text/javascript": true, "text/jscript": true, "text/vbscript": true, "text/xml": true,
	"text/xsl": true,
}

// markup is what an HTML or SVG file has and the beginning of a picture, sound or film has not.
var markup = [][]byte{
	[]byte("<!doctype html"), []byte("<body"), []byte("<html"), []byte("<iframe"), []byte("<script"), []byte("<svg"),
}

// Sniff tells the type of a file from its first 4 KiB, under the name that WhatsApp uses. A picture, sound or film that holds the
// tags of a page near its beginning is a polyglot, made to be run by a browser: it is text/html.
func Sniff(head []byte) string {
	head = head[:min(len(head), sniffBytes)]
	found, params := split(mimetype.Detect(head).String())
	if found == ogg && bytes.Contains(head, []byte("OpusHead")) {
		params = map[string]string{"codecs": "opus"}
	}
	if found == unknown || visible(found) && found != pdf && !runs(found) {
		lower := bytes.ToLower(head)
		for _, tag := range markup {
			if bytes.Contains(lower, tag) {
				return html
			}
		}
	}
	return mime.FormatMediaType(found, params)
}

// Type is the content type under which a file is kept and served: the declared one if the sniffed one bears it out, else the sniffed
// one, and application/octet-stream for everything that a browser would run. Kind is the type of the message (image, audio, …); it
// tells the sound from the film in a container that holds either.
func Type(declared, sniffed, kind string) string {
	claim, claimParams := split(declared)
	found, foundParams := split(sniffed)
	if runs(found) || runs(claim) && strings.HasPrefix(found, "text/") {
		return unknown
	}
	chosen, params := found, foundParams
	if !runs(claim) && bearsOut(found, claim) && foundParams["codecs"] == "" {
		chosen = claim
		if len(claimParams) > 0 || claim != found {
			params = claimParams
		}
	}
	if film, ok := strings.CutPrefix(chosen, "video/"); ok && kind == "audio" && containers[chosen] != "" && film != "quicktime" {
		chosen = "audio/" + film
	}
	return mime.FormatMediaType(chosen, params)
}

// bearsOut tells whether a file whose bytes say found may well be what is claimed. Nothing but the bytes proves a picture or a PDF.
func bearsOut(found, claim string) bool {
	if found == claim || containers[found] != "" && containers[found] == containers[claim] {
		return claim != "application/ogg"
	}
	family, _, _ := strings.Cut(claim, "/")
	loose := family == "application" && claim != pdf && claim != unknown && containers[claim] == ""
	switch found {
	case unknown:
		return loose || family == "audio" || family == "video" || family == "text"
	case plain:
		return loose || family == "text"
	case "application/zip", "application/x-ole-storage":
		return loose
	}
	return family == "text" && strings.HasPrefix(found, "text/")
}

// split gives a media type by its canonical name, with those of its parameters that say something about a file, and
// application/octet-stream for what is none.
func split(mediaType string) (string, map[string]string) {
	name, params, err := mime.ParseMediaType(mediaType)
	if err != nil || strings.Count(name, "/") != 1 {
		return unknown, nil
	}
	kept := map[string]string{}
	for _, key := range []string{"charset", "codecs"} {
		if value := params[key]; value != "" {
			kept[key] = value
		}
	}
	if mime.FormatMediaType(name, kept) == "" {
		return unknown, nil
	}
	if canonical, ok := aliases[name]; ok {
		name = canonical
	}
	return name, kept
}

// runs tells whether a browser runs code in a file of this type.
func runs(name string) bool {
	return executed[name] || strings.HasSuffix(name, "+xml")
}

// visible are the families that a browser shows in its own player or viewer.
func visible(name string) bool {
	family, _, _ := strings.Cut(name, "/")
	return family == "image" || family == "audio" || family == "video" || name == pdf
}
