package fetch

import (
	"bytes"
	"strings"
)

// The line decodes JPEG, PNG, GIF and WebP. Other image formats are told apart, so that their share can be seen.

// signatures are the magic bytes of image formats at the start of a file.
var signatures = []struct {
	magic, format string
	decoded       bool
}{
	{"\xff\xd8\xff", "jpeg", true},
	{"\x89PNG\r\n\x1a\n", "png", true},
	{"GIF87a", "gif", true},
	{"GIF89a", "gif", true},
	{"BM", "bmp", false},
	{"II*\x00", "tiff", false},
	{"MM\x00*", "tiff", false},
	{"\x00\x00\x01\x00", "ico", false},
	{"8BPS", "psd", false},
	{"\xff\x0a", "jpeg-xl", false},
	{"\x00\x00\x00\x0cJXL ", "jpeg-xl", false},
	{"\x00\x00\x00\x0cjP  ", "jpeg-2000", false},
}

// sniff says what an image's bytes begin like, and whether the line decodes it. An empty format is no image.
func sniff(data []byte) (format string, decoded bool) {
	if len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP" {
		return "webp", true
	}
	if len(data) >= 12 && string(data[4:8]) == "ftyp" {
		switch string(data[8:12]) {
		case "avif", "avis":
			return "avif", false
		case "heic", "heix", "heim", "heis", "mif1", "msf1", "hevc":
			return "heic", false
		}
	}
	for _, s := range signatures {
		if bytes.HasPrefix(data, []byte(s.magic)) {
			return s.format, s.decoded
		}
	}
	return "", false
}

// looksLike names what came instead of an image, for people.
func looksLike(data []byte) string {
	head := strings.ToLower(strings.TrimSpace(string(data[:min(len(data), 512)])))
	switch {
	case strings.HasPrefix(head, "<!doctype html"), strings.HasPrefix(head, "<html"), strings.Contains(head, "<head"):
		return "an HTML page"
	case strings.Contains(head, "<svg"):
		return "an SVG drawing"
	case strings.HasPrefix(head, "<"):
		return "XML"
	case strings.HasPrefix(head, "{"), strings.HasPrefix(head, "["):
		return "JSON"
	case strings.HasPrefix(head, "\x1f\x8b"):
		return "compressed bytes"
	case strings.HasPrefix(head, "%pdf"):
		return "a PDF"
	}
	return "bytes of no known image format"
}

// checkImage refuses what the line cannot decode.
func checkImage(data []byte) *failure {
	if len(data) == 0 {
		return fail("empty", "there are no bytes")
	}
	format, decoded := sniff(data)
	switch {
	case format == "":
		return fail("not-an-image", "%s", looksLike(data))
	case !decoded:
		return fail("unsupported-format", "%s", format)
	}
	return nil
}
