package mediastore

import (
	"mime"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFilename is in bytes. File systems take 255; %-encoding makes three of each byte, and proxies limit a header to 4 or 8 KiB.
const maxFilename = 150

// Filename makes a sender's name for a file harmless: its last path element, without control characters, without the marks that
// write text backwards (so that "exe.gpj" cannot read "jpg.exe"), without what Windows forbids, and at most 150 bytes long with its
// extension kept. What leaves nothing is "file".
func Filename(name string) string {
	name = strings.ToValidUTF8(name, "_")
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp):
			return -1
		case strings.ContainsRune(`"*:<>?|`, r):
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(strings.Join(strings.Fields(name), " "), ". ")
	if name == "" {
		return "file"
	}
	return shorten(name)
}

// shorten cuts the middle out of a long name, at the border of a character.
func shorten(name string) string {
	if len(name) <= maxFilename {
		return name
	}
	extension := path.Ext(name)
	if len(extension) > 16 {
		extension = ""
	}
	end := maxFilename - len(extension)
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return strings.TrimRight(name[:end], ". ") + extension
}

// disposition is the Content-Disposition of a file (RFC 6266): shown in place, or saved. A name outside ASCII goes into filename*.
func disposition(inline bool, filename string) string {
	how := "attachment"
	if inline {
		how = "inline"
	}
	return mime.FormatMediaType(how, map[string]string{"filename": Filename(filename)})
}
