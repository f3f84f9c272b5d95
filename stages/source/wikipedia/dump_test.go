package wikipedia

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dsnet/compress/bzip2"
	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/internal/sourcetest"
)

const dumpHead = `<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" xml:lang="de">
  <siteinfo>
    <sitename>Testpedia</sitename>
    <base>https://de.example.org/wiki/Hauptseite</base>
    <namespaces>
      <namespace key="6" case="first-letter">Datei</namespace>
      <namespace key="0" case="first-letter" />
      <namespace key="14" case="first-letter">Kategorie</namespace>
    </namespaces>
  </siteinfo>
`

const dumpTail = "</mediawiki>\n"

func escaped(s string) string {
	var b bytes.Buffer
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		panic(err)
	}
	return b.String()
}

// pageXML is a page as MediaWiki exports it. more stands behind the id.
func pageXML(title, ns string, id int, more, text string) string {
	return fmt.Sprintf(`  <page>
    <title>%s</title>
    <ns>%s</ns>
    <id>%d</id>%s
    <revision>
      <id>%d</id>
      <parentid>7</parentid>
      <timestamp>2020-01-01T00:00:00Z</timestamp>
      <contributor><username>Someone</username><id>99</id></contributor>
      <model>wikitext</model>
      <format>text/x-wiki</format>
      <text bytes="%d" xml:space="preserve">%s</text>
      <sha1>x</sha1>
    </revision>
  </page>
`, escaped(title), ns, id, more, id+1000, len(text), escaped(text))
}

// somePages are pages of all kinds in groups, as multistream dumps have them. Every third is no article.
func somePages(groups, each int) [][]string {
	var out [][]string
	id := 0
	for range groups {
		var group []string
		for range each {
			id++
			switch id % 6 {
			case 2:
				group = append(group, pageXML(fmt.Sprintf("Talk:%d", id), "1", id, "", "talk"))
			case 4:
				group = append(group, pageXML(fmt.Sprintf("Redirect %d", id), "0", id, "\n    <redirect title=\"x\" />", "#REDIRECT [[x]]"))
			case 5:
				group = append(group, pageXML(fmt.Sprintf("Empty %d", id), "0", id, "", "{{Infobox|a=b}}"))
			default:
				group = append(group, pageXML(fmt.Sprintf("A & B %d", id), "0", id, "", fmt.Sprintf("'''Page''' %d of [[Datei:x.jpg]]the \"dump\" <ref>x</ref>& more.", id)))
			}
		}
		out = append(out, group)
	}
	return out
}

func bz(t testing.TB, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := bzip2.NewWriter(&b, &bzip2.WriterConfig{Level: 1})
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(s))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gz(t testing.TB, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// multistream packs a dump the way Wikimedia does: head, groups of pages and tail are streams of their own.
func multistream(t testing.TB, groups [][]string) []byte {
	t.Helper()
	out := bz(t, dumpHead)
	for _, g := range groups {
		out = append(out, bz(t, strings.Join(g, ""))...)
	}
	return append(out, bz(t, dumpTail)...)
}

func joined(groups [][]string) string {
	var b strings.Builder
	b.WriteString(dumpHead)
	for _, g := range groups {
		b.WriteString(strings.Join(g, ""))
	}
	b.WriteString(dumpTail)
	return b.String()
}

func configFor(t testing.TB, dumps ...[]byte) Config {
	t.Helper()
	dir := t.TempDir()
	cfg := Defaults()
	for i, d := range dumps {
		p := filepath.Join(dir, fmt.Sprintf("dump%d", i))
		if err := os.WriteFile(p, d, 0o644); err != nil {
			t.Fatal(err)
		}
		cfg.Dumps = append(cfg.Dumps, p)
	}
	return cfg
}

// lines reads a source under all its rules and gives a line a row.
func lines(t *testing.T, cfg Config) []string {
	t.Helper()
	var out []string
	for _, r := range sourcetest.Run(t, func() (pipeline.Source, error) { return New(cfg) }) {
		out = append(out, line(r))
	}
	return out
}

func line(r pipeline.Row) string {
	if r.Skip != nil {
		return fmt.Sprintf("%s skip %s", r.Skip.Source.Key, r.Skip.Reason)
	}
	s := r.Sample
	return fmt.Sprintf("%s %s %q %s %s: %s", s.Source.Key, s.Source.Revision, s.Source.Title, s.Source.Url, s.Source.Licence, s.Parts[0].Text)
}

func TestRowsAreTheSameInEveryPacking(t *testing.T) {
	groups := somePages(4, 5)
	var want []string
	for id := 1; id <= 20; id++ {
		switch id % 6 {
		case 2, 4:
		case 5:
			want = append(want, fmt.Sprintf("%d skip no-text", id))
		default:
			want = append(want, fmt.Sprintf(`%d %d "A & B %d" https://de.example.org/wiki/A_&_B_%d CC BY-SA: Page %d of the "dump" & more.`, id, id+1000, id, id, id))
		}
	}
	text := joined(groups)
	for name, dump := range map[string][]byte{
		"plain":       []byte(text),
		"gzip":        gz(t, text),
		"bzip2":       bz(t, text),
		"multistream": multistream(t, groups),
		// As parallel compressors cut it: anywhere.
		"streams cut inside of pages": append(append(bz(t, text[:1500]), bz(t, text[1500:1501])...), append(bz(t, ""), bz(t, text[1501:])...)...),
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(want, lines(t, configFor(t, dump))); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMultistreamCursorsStartAtTheirStream(t *testing.T) {
	dump := multistream(t, somePages(3, 10))
	src, err := New(configFor(t, dump))
	if err != nil {
		t.Fatal(err)
	}
	streams := map[string]bool{}
	for _, r := range sourcetest.Read(t, src, pipeline.Cursor{}) {
		from, err := parsePlace(r.After.Place)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(dump[from.stream:], []byte("BZh")) {
			t.Errorf("cursor %s is at no stream", r.After.Place)
		}
		if from.skip > 8000 {
			t.Errorf("cursor %s lies %d bytes behind its stream, more than a stream holds", r.After.Place, from.skip)
		}
		streams[fmt.Sprint(from.stream)] = true
	}
	if len(streams) < 3 {
		t.Errorf("cursors use %d streams, want one for each group", len(streams))
	}
}

func TestSeveralDumps(t *testing.T) {
	a, b := somePages(1, 7), [][]string{{pageXML("Last", "0", 500, "", "the last one")}}
	got := lines(t, configFor(t, bz(t, joined(a)), []byte(joined(b))))
	if len(got) != 6 || !strings.HasPrefix(got[5], `500 1500 "Last"`) {
		t.Errorf("rows = %q", got)
	}
}

func TestDamage(t *testing.T) {
	groups := somePages(4, 6)
	multi := multistream(t, groups)
	starts := streamStarts(multi)
	keys := func(lines []string) string {
		var out []string
		for _, l := range lines {
			key, rest, _ := strings.Cut(l, " ")
			if strings.HasPrefix(key, "@") {
				key = strings.TrimPrefix(rest, "skip ")
			}
			out = append(out, key)
		}
		return strings.Join(out, " ")
	}
	t.Run("a stream of many", func(t *testing.T) {
		bad := bytes.Clone(multi)
		bad[starts[2]+60] ^= 0xff // the second group
		got := keys(lines(t, configFor(t, bad)))
		if got != "1 3 5 6 damaged-dump 13 15 17 18 19 21 23 24" {
			t.Errorf("rows = %s", got)
		}
	})
	t.Run("cut off", func(t *testing.T) {
		got := keys(lines(t, configFor(t, multi[:starts[3]+50])))
		if got != "1 3 5 6 7 9 11 12 damaged-dump" {
			t.Errorf("rows = %s", got)
		}
	})
	t.Run("garbage behind the end", func(t *testing.T) {
		got := keys(lines(t, configFor(t, append(bytes.Clone(multi), "garbage"...))))
		if got != "1 3 5 6 7 9 11 12 13 15 17 18 19 21 23 24 damaged-dump" {
			t.Errorf("rows = %s", got)
		}
	})
	t.Run("plain text cut off", func(t *testing.T) {
		text := joined(groups)
		got := keys(lines(t, configFor(t, []byte(text[:strings.Index(text, "<id>13</id>")]))))
		if got != "1 3 5 6 7 9 11 12 damaged-dump" {
			t.Errorf("rows = %s", got)
		}
	})
	t.Run("gzip cut off", func(t *testing.T) {
		z := gz(t, joined(groups))
		got := lines(t, configFor(t, z[:len(z)-20]))
		if len(got) == 0 || !strings.HasSuffix(got[len(got)-1], "skip damaged-dump") {
			t.Errorf("rows = %q", got)
		}
	})
	t.Run("a bad checksum in one stream", func(t *testing.T) {
		bad := bz(t, joined(groups))
		bad[len(bad)/2] ^= 1
		got := lines(t, configFor(t, bad))
		if len(got) == 0 || !strings.HasSuffix(got[len(got)-1], "skip damaged-dump") {
			t.Errorf("rows = %q", got)
		}
	})
}

// streamStarts finds the streams of a bzip2 file in the plainest way.
func streamStarts(b []byte) []int {
	var out []int
	for i := range b {
		if i+markLen <= len(b) && isMark(b[i:i+markLen]) {
			out = append(out, i)
		}
	}
	return out
}

func TestOddPages(t *testing.T) {
	pages := pageXML("One", "0", 1, "", "text") +
		"<page><title>no end of tags</title><ns>0</ns><id>2</id></page>" +
		"<page><title>x</title><id>3<revision></page>" +
		strings.Replace(pageXML("CSS", "0", 4, "", "body{}"), "wikitext", "css", 1) +
		pageXML("Huge", "0", 5, "", strings.Repeat("huge ", 20000)) +
		pageXML("Huge talk", "1", 6, "", strings.Repeat("huge ", 20000)) +
		strings.Replace(pageXML("Deleted", "0", 7, "", "x"), `xml:space="preserve">x</text>`, `deleted="deleted" />`, 1) +
		pageXML("Über/Slash? \"q\"", "0", 8, "", "text") +
		strings.Replace(pageXML("CDATA", "0", 9, "", "x"), ">x</text>", "><![CDATA[a <b> & c]]><!-- no --></text>", 1) +
		strings.Replace(pageXML("Bad id", "0", 10, "", "x"), "<id>10</id>", "<id>ten</id>", 1)
	cfg := configFor(t, []byte(dumpHead+pages+dumpTail))
	cfg.MaxPage = 20000
	got := lines(t, cfg)
	at := func(s string) string { // where a page ends in the dump
		i := strings.Index(dumpHead+pages, s)
		return fmt.Sprintf("@0+%d", i+strings.Index((dumpHead + pages)[i:], "</page>")+len("</page>"))
	}
	want := []string{
		`1 1001 "One" https://de.example.org/wiki/One CC BY-SA: text`,
		at("no end of tags") + " skip malformed-page",
		at("<id>3<") + " skip malformed-page",
		"5 skip page-too-large",
		"7 skip no-text",
		`8 1008 "Über/Slash? \"q\"" https://de.example.org/wiki/%C3%9Cber/Slash%3F_%22q%22 CC BY-SA: text`,
		`9 1009 "CDATA" https://de.example.org/wiki/CDATA CC BY-SA: a & c`,
		at("Bad id") + " skip malformed-page",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestMemoryIsBoundedByThePage(t *testing.T) {
	// 40 MB in one page, and 40 MB in none.
	long := dumpHead + pageXML("Long", "0", 1, "", strings.Repeat("0123456789", 4<<20)) + strings.Repeat("<nothing/>", 4<<20)
	text, err := openText(bytes.NewReader([]byte(long)), int64(len(long)), place{})
	if err != nil {
		t.Fatal(err)
	}
	s := scanner{t: text, max: 1 << 20}
	for {
		p, err := s.next()
		if cap(s.read) > 3<<20 {
			t.Fatalf("the buffer takes %d bytes for pages of at most %d", cap(s.read), s.max)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || !p.tooLarge || len(p.xml) > headKept {
			t.Fatalf("next = %d bytes, too large %v, %v", len(p.xml), p.tooLarge, err)
		}
	}
}

// FuzzDump: any bytes are rows without gaps, which are the same behind each cursor.
func FuzzDump(f *testing.F) {
	groups := somePages(2, 4)
	text := joined(groups)
	multi := multistream(f, groups)
	for _, s := range [][]byte{
		nil, []byte(text), []byte(text[:len(text)/2]), multi, multi[:len(multi)/2], bz(f, text), gz(f, text)[:200],
		append(bytes.Clone(multi), "BZh"...), []byte("<page><page></page></page><page>"), []byte("<page><title>&#x;&amp</title></page>"),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, dump []byte) {
		cfg := configFor(t, dump)
		cfg.MaxPage = 2048
		src, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		rows := sourcetest.Read(t, src, pipeline.Cursor{})
		for i, r := range rows {
			if i%7 != 0 {
				continue
			}
			got := sourcetest.Read(t, src, r.After)
			if len(got) != len(rows)-i-1 {
				t.Fatalf("behind row %d: %d rows, want %d", i, len(got), len(rows)-i-1)
			}
			for j := range got {
				if a, b := line(got[j]), line(rows[i+1+j]); a != b {
					t.Fatalf("behind row %d: row %d is %q, was %q", i, i+1+j, a, b)
				}
			}
		}
	})
}

// FuzzPage: whatever encoding/xml reads out of a page that was written by rules, parsePage reads too.
func FuzzPage(f *testing.F) {
	f.Add("Title", "text with <tags> & \"quotes\"", "0", uint32(7))
	f.Add("Ä]]>", "a\r\nb\tc", "-1", uint32(0))
	f.Fuzz(func(t *testing.T, title, text, ns string, id uint32) {
		doc := strings.TrimSpace(pageXML(title, escaped(ns), int(id), "", text))
		var want struct {
			Title    string `xml:"title"`
			NS       string `xml:"ns"`
			ID       string `xml:"id"`
			Revision struct {
				ID   string `xml:"id"`
				Text string `xml:"text"`
			} `xml:"revision"`
		}
		if err := xml.Unmarshal([]byte(doc), &want); err != nil {
			t.Skip()
		}
		got, err := parsePage([]byte(doc))
		if want.Title == "" || len(want.Title) > 1<<10 {
			if err == nil {
				t.Fatal("a page without a usable title is taken")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if got.title != want.Title || got.ns != want.NS || got.id != want.ID || got.revision != want.Revision.ID || got.text != want.Revision.Text {
			t.Fatalf("parsePage = %+v, want %+v", got, want)
		}
	})
}

// FuzzParsePage: no bytes make parsePage panic.
func FuzzParsePage(f *testing.F) {
	f.Add([]byte(pageXML("T", "0", 1, "", "x")))
	f.Add([]byte("<page><!-- <![CDATA[ ]]> --><?x?><a b='>'/></page>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := parsePage(data); err == nil && (p.title == "" || p.id == "" || p.revision == "") {
			t.Fatalf("parsePage(%q) = %+v", data, p)
		}
	})
}
