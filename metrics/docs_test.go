package metrics_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/imglish/imglish/metrics"
)

var update = flag.Bool("update", false, "write golden files again")

// docs/metrics.md lists every metric.
func TestDocsListTheMetrics(t *testing.T) {
	var b strings.Builder
	b.WriteString("| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, m := range metrics.All() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Type, strings.Join(m.Labels, ", "), m.Help)
	}
	const path = "../docs/metrics.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?s)(<!-- metrics -->\n).*?(<!-- end -->)`)
	if !block.Match(page) {
		t.Fatalf("%s has no table between <!-- metrics --> and <!-- end -->", path)
	}
	want := block.ReplaceAll(page, []byte("<!-- metrics -->\n"+strings.ReplaceAll(b.String(), "$", "$$")+"<!-- end -->"))
	if bytes.Equal(want, page) {
		return
	}
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s lists other metrics than the code has; run make golden", path)
}
