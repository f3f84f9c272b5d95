package wikipedia

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func goldenConverter() *Converter {
	return NewConverter(Options{DropSections: Defaults().DropSections, Hidden: []string{"Datei", "Kategorie"}})
}

// TestGolden holds whole pages: testdata/wikitext/x.wiki becomes x.txt.
func TestGolden(t *testing.T) {
	pages, err := filepath.Glob("testdata/wikitext/*.wiki")
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		t.Run(strings.TrimSuffix(filepath.Base(page), ".wiki"), func(t *testing.T) {
			src, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			got := goldenConverter().Text("Nowhere", string(src)) + "\n"
			golden := strings.TrimSuffix(page, ".wiki") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", page, diff)
			}
		})
	}
}

func TestText(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"nothing", "", ""},
		{"a template alone", "{{x}}", ""},
		{"five quotes", "'''''x''' y''", "x y"},
		{"six quotes", "''''''x", "'x"},
		{"braces in a run of five", "{{{{{x|nowrap}}}|text}}", ""},
		{"a template in a name", "a {{ {{x}} }} b", "a b"},
		{"a table bracket in a template", "{{x|\n|}}after", "after"},
		{"a table in a template", "{{x|a=\n{|\n| b\n|}}}after", "after"},
		{"a ref in a caption", "[[File:a.jpg|thumb|x<ref>[[y]]]]</ref>]]after", "after"},
		{"nested pictures", "[[File:a.jpg|x [[File:b.jpg|y]] z]]after", "after"},
		{"a link in an external link", "[http://a [[b|c]] d] e", "c d e"},
		{"brackets around a link", "[[[a]]] b", "[a] b"},
		{"a ref of another ref", "a<ref name=\"x>y\" />b<ref name=x>c</ref>d", "abd"},
		{"an upper case ref", "a<REF>b</Ref>c", "ac"},
		{"an unclosed ref and a good one", "a<ref>b<ref>c</ref>d", "abd"},
		{"entities are no markup", "&#91;&#91;a&#93;&#93; &lt;ref&gt; &#39;&#39;", "[[a]] <ref> ''"},
		{"entities are no lists", "&#35; a", "# a"},
		{"CR LF", "a\r\n\r\nb", "a\n\nb"},
		{"control characters", "a\x00\x01\x02\x03b\u200bc", "abc"},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
		{"a heading with an equals sign", "== a = b ==\nx", "a = b\n\nx"},
		{"no heading", "=x", "=x"},
		{"a comment in a line", "a <!-- b --> c", "a c"},
		{"a comment line", "a\n<!-- b -->\nc", "a c"},
		{"two comments in a line", "a\n<!-- b --> <!-- c -->\nd", "a d"},
		{"powers", "10<sup>6</sup> 10<sup>-6</sup> m<sup>2</sup> Ca<sup>2+</sup> <sup>14</sup>C 1<sup>st</sup> x<sup>n</sup>", "10^6 10^-6 m² Ca²⁺ ¹⁴C 1st xn"},
		{"a picture that never ends", "a [[File:x.jpg|thumb|The caption {{x}} stays", "a The caption stays"},
		{"a list in a dropped section", "== See also ==\n* x\n== More ==\ny", "More\n\ny"},
		{"a title with apostrophes", "{{PAGENAME}}", "It's"},
		{"units of convert", "{{convert|3|and|4|lb}} {{convert|20|C|F}} {{convert|-|x}} {{convert}}", "3 and 4 lb 20 °C"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := goldenConverter().Text("It's", tt.src); got != tt.want {
				t.Errorf("Text(%q) = %q, want %q", tt.src, got, tt.want)
			}
		})
	}
}

// TestLinear feeds what makes naive converters take quadratic time or exhaust the stack: eight times as much may take 30
// times as long and not more. A machine that does other things meanwhile is asked again.
func TestLinear(t *testing.T) {
	c := goldenConverter()
	for _, unit := range []string{
		"{{", "}}", "{{{", "[[", "]]", "[http://a ", "<ref>", "</ref>", "<ref ", "<ref name=\"", "<!--", "<nowiki>", "<math>", "{|\n", "|}\n",
		"<table>", "</table>", "<sup>", "'", "''", "=\n", "== x ==\n", "{{x|", "[[a|", "{{nowrap|", "[[a|{{nowrap|", "{{convert|", "|", "&", "&#x",
		"__A", "*", "#", ":", "* x\n", "####\n", "(", "({{x}}", ")", ",{{x}}", "\n", " ", "[", "{", "<", "<poem>", "{{nowrap|<sup>", "{{quote|",
		"<math>{</math>", "<math>\\frac", "\\frac{", "://", "http://", "http://a ", "{{lang|x|", "é", "<b>", "<li>", "{{#if:", "{{{x|",
	} {
		for _, tail := range []string{"", "}}", "]]", "</ref>", "</math>"} {
			took := func(size int) time.Duration {
				src := strings.Repeat(unit, size/len(unit)) + tail
				start := time.Now()
				c.Text("T", src)
				return time.Since(start)
			}
			const large = 1 << 17
			bound := func() time.Duration { return 30*took(large/8) + 300*time.Millisecond }
			for try := 0; took(large) > bound(); try++ {
				if try == 10 {
					t.Errorf("%d bytes of %q and %q take far more than eight times as long as an eighth of them", large, unit, tail)
					break
				}
			}
		}
	}
	nested := strings.Repeat("{{nowrap|[[a|", 20000) + "x" + strings.Repeat("]]}}", 20000)
	if got := c.Text("T", nested+" end"); got != "end" {
		t.Errorf("a deeply nested page gives %.60q", got)
	}
}

// FuzzText: any text gives clean UTF-8 without marks, markup lines or runs of spaces, the same each time, and is no
// longer than what went in, but for the few bytes that a symbol or a list mark adds.
func FuzzText(f *testing.F) {
	pages, err := filepath.Glob("testdata/wikitext/*.wiki")
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range pages {
		src, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(src))
		f.Add(string(src[:len(src)/2]))
	}
	c := goldenConverter()
	f.Fuzz(func(t *testing.T, src string) {
		got := c.Text("Title", src)
		switch {
		case !utf8.ValidString(got):
			t.Fatalf("Text(%q) is not UTF-8", src)
		case strings.ContainsAny(got, "\x00\x01\x02\x03\r\t"):
			t.Fatalf("Text(%q) = %q holds a mark", src, got)
		case strings.Contains(got, "\n\n\n"), strings.TrimSpace(got) != got:
			t.Fatalf("Text(%q) = %q has stray space", src, got)
		case len(got) > 16*len(src)+200:
			t.Fatalf("%d bytes became %d", len(src), len(got))
		case c.Text("Title", src) != got:
			t.Fatalf("Text(%q) differs from call to call", src)
		}
	})
}

func BenchmarkText(b *testing.B) {
	var src strings.Builder
	pages, _ := filepath.Glob("testdata/wikitext/*.wiki")
	for _, p := range pages {
		page, err := os.ReadFile(p)
		if err != nil {
			b.Fatal(err)
		}
		src.Write(page)
	}
	text := strings.Repeat(src.String(), 10)
	c := goldenConverter()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		c.Text("Title", text)
	}
}

func ExampleText() {
	fmt.Println(Text("'''Albedo''' ({{IPAc-en|x}}) is the [[reflectance|reflecting power]] of a surface.<ref>A book.</ref>\n\n" +
		"== Units ==\nIt has none: <math>\\alpha \\leq 1</math>."))
	// Output:
	// Albedo is the reflecting power of a surface.
	//
	// Units
	//
	// It has none: α ≤ 1.
}
