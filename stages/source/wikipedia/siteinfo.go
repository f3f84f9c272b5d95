package wikipedia

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/url"
	"strings"
)

// site is what the head of a dump says about the wiki.
type site struct {
	base   string   // address of a page, up to its title
	hidden []string // names of the namespaces whose links are pictures or categories
}

// headLimit is where the head of a dump ends at the latest, bytes. It is a few KiB long.
const headLimit = 1 << 20

// Namespace numbers are the same in every MediaWiki.
const (
	namespaceMedia    = "-2"
	namespaceFile     = "6"
	namespaceCategory = "14"
)

// readSite reads the <siteinfo> of a dump. Where it is missing or damaged, the English names stay.
func readSite(f io.ReaderAt, size int64) (site, error) {
	t, err := openText(f, size, place{})
	if err != nil {
		return site{}, err
	}
	head, err := io.ReadAll(io.LimitReader(untilPage(t), headLimit))
	if err != nil && diskFault(err) {
		return site{}, err
	}
	return parseSite(head), nil
}

func parseSite(head []byte) site {
	var s site
	from := bytes.Index(head, []byte("<siteinfo"))
	to := bytes.Index(head, []byte("</siteinfo>"))
	if from < 0 || to < from {
		return s
	}
	var info struct {
		Base       string `xml:"base"`
		Namespaces []struct {
			Key  string `xml:"key,attr"`
			Name string `xml:",chardata"`
		} `xml:"namespaces>namespace"`
	}
	if xml.Unmarshal(head[from:to+len("</siteinfo>")], &info) != nil {
		return s
	}
	if u, err := url.Parse(info.Base); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.RawQuery == "" {
		if i := strings.LastIndexByte(info.Base, '/'); i > len("https://") {
			s.base = info.Base[:i+1]
		}
	}
	for _, n := range info.Namespaces {
		switch n.Key {
		case namespaceMedia, namespaceFile, namespaceCategory:
			if n.Name != "" {
				s.hidden = append(s.hidden, n.Name)
			}
		}
	}
	return s
}

// address is the URL of a page, or "" if the dump does not say where the wiki is.
func (s site) address(title string) string {
	if s.base == "" {
		return ""
	}
	u := url.URL{Path: strings.ReplaceAll(title, " ", "_")}
	return s.base + strings.TrimPrefix(u.EscapedPath(), "./")
}

// untilPage ends a text soon behind its first page's start, so that no more is decompressed than is looked at.
func untilPage(t io.Reader) io.Reader { return &headReader{r: t} }

type headReader struct {
	r    io.Reader
	tail []byte
	end  bool
}

func (h *headReader) Read(b []byte) (int, error) {
	if h.end {
		return 0, io.EOF
	}
	n, err := h.r.Read(b[:min(len(b), 8<<10)])
	h.tail = append(h.tail, b[:n]...)
	h.end = bytes.Contains(h.tail, pageOpen)
	h.tail = append(h.tail[:0], h.tail[max(0, len(h.tail)-len(pageOpen)):]...)
	return n, err
}
