package scenes

import (
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"

	"github.com/dsnet/compress/bzip2"
)

// writeDump writes the articles as a MediaWiki export (XML schema export-0.11), bzip2. As in a real dump, some pages are
// redirects, and one is a template.
func writeDump(ctx context.Context, w io.Writer, c Config, step func(string)) error {
	z, err := bzip2.NewWriter(w, &bzip2.WriterConfig{Level: 9})
	if err != nil {
		return err
	}
	io.WriteString(z, `<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">
  <siteinfo>
    <sitename>Shapes and colours</sitename>
    <dbname>sceneswiki</dbname>
    <base>http://127.0.0.1/wiki/Main_Page</base>
    <generator>imglish scenes</generator>
    <case>first-letter</case>
    <namespaces>
      <namespace key="0" case="first-letter" />
      <namespace key="10" case="first-letter">Template</namespace>
      <namespace key="14" case="first-letter">Category</namespace>
    </namespaces>
  </siteinfo>
`)
	d := &dump{w: z}
	d.page("Template:Infobox shape", 10, "", "{| class=\"infobox\"\n! {{{name}}}\n|}\n")
	for i := range c.Articles {
		if err := ctx.Err(); err != nil {
			return err
		}
		a := NewArticle(c.Seed, i)
		d.page(a.Title, 0, "", a.Text)
		if i%25 == 24 {
			d.page("About "+strings.ToLower(a.Title[:1])+a.Title[1:], 0, a.Title, "#REDIRECT [["+a.Title+"]]\n")
		}
		if d.err != nil {
			return d.err
		}
		step("articles")
	}
	io.WriteString(z, "</mediawiki>\n")
	if d.err != nil {
		return d.err
	}
	return z.Close() // reports what earlier writes met
}

type dump struct {
	w   io.Writer
	id  int
	err error
}

// page writes one page with one revision.
func (d *dump) page(title string, namespace int, redirect, text string) {
	d.id++
	var b strings.Builder
	fmt.Fprintf(&b, "  <page>\n    <title>%s</title>\n    <ns>%d</ns>\n    <id>%d</id>\n", escape(title), namespace, d.id)
	if redirect != "" {
		fmt.Fprintf(&b, "    <redirect title=\"%s\" />\n", escape(redirect))
	}
	at := time.Date(2026, 1, 1, 0, d.id, 0, 0, time.UTC).Format(time.RFC3339)
	fmt.Fprintf(&b, "    <revision>\n      <id>%d</id>\n      <timestamp>%s</timestamp>\n", 1000+d.id, at)
	fmt.Fprintf(&b, "      <contributor>\n        <username>imglish</username>\n        <id>1</id>\n      </contributor>\n")
	fmt.Fprintf(&b, "      <model>wikitext</model>\n      <format>text/x-wiki</format>\n")
	fmt.Fprintf(&b, "      <text bytes=\"%d\" xml:space=\"preserve\">%s</text>\n", len(text), escape(text))
	fmt.Fprintf(&b, "      <sha1>%s</sha1>\n    </revision>\n  </page>\n", sha1Base36(text))
	if _, err := io.WriteString(d.w, b.String()); err != nil && d.err == nil {
		d.err = err
	}
}

// escape does what MediaWiki does: apostrophes and line feeds stay as they are.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace

// sha1Base36 is MediaWiki's form of a revision's sum: 31 digits in base 36.
func sha1Base36(s string) string {
	sum := sha1.Sum([]byte(s))
	digits := new(big.Int).SetBytes(sum[:]).Text(36)
	return strings.Repeat("0", 31-len(digits)) + digits
}
