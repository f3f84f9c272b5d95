package fetch

import (
	"net/http"
	"slices"
	"strings"
)

// optOut returns the words of an answer's headers by which a site says no to this use of an image, sorted:
//
//   - X-Robots-Tag: "noai, noimageai", or for one robot only "somebot: noindex"; the words are a setting.
//   - TDM-Reservation: 1, the W3C community group's protocol for text and data mining, as "tdm-reservation".
//
// agent is this program's own robot name; words addressed to other robots do not count.
func optOut(h http.Header, words []string, agent string) []string {
	var out []string
	for _, line := range h.Values("X-Robots-Tag") {
		mine := true
		for field := range strings.SplitSeq(strings.ToLower(line), ",") {
			field = strings.TrimSpace(field)
			// A robot's name holds for all words behind it; directives with a value of their own have a colon too.
			if name, rest, found := strings.Cut(field, ":"); found && !directiveWithValue(name) {
				name = strings.TrimSpace(name)
				mine = name == agent || name == "*"
				field = strings.TrimSpace(rest)
			}
			if mine && slices.Contains(words, field) && !slices.Contains(out, field) {
				out = append(out, field)
			}
		}
	}
	if strings.TrimSpace(h.Get("TDM-Reservation")) == "1" {
		out = append(out, "tdm-reservation")
	}
	slices.Sort(out)
	return out
}

func directiveWithValue(name string) bool {
	switch strings.TrimSpace(name) {
	case "unavailable_after", "max-snippet", "max-image-preview", "max-video-preview":
		return true
	}
	return false
}

// robotName is the first word of a user agent, as robots directives address it: "imglish/1.0 (+…)" gives "imglish".
func robotName(userAgent string) string {
	name, _, _ := strings.Cut(userAgent, "/")
	name, _, _ = strings.Cut(name, " ")
	return strings.ToLower(name)
}
