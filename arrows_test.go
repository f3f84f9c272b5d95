package imglish

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// mayImport says which of the project's packages the packages below a folder may import besides those below the same
// folder. An arrow that is not here is an error: the parts stay readable alone, and data flows one way.
// Only cmd and demo see them all.
var mayImport = map[string][]string{
	"durable":       {},
	"pipeline":      {"durable"},
	"store":         {"pipeline"},
	"pixels":        {"tensor"},
	"sentencepiece": {},
	"tensor":        {"durable"},
	"cpu":           {"tensor"},
	"vqkd":          {"tensor", "pixels", "durable"},
	"stages":        {"pipeline", "store", "pixels", "vqkd", "sentencepiece"},
	"mixer":         {"store", "pixels", "pipeline"},
	"trainer":       {"mixer", "tensor", "pipeline", "durable"},
	"audit":         {"store", "pipeline", "pixels"},
	"metrics":       {"store", "pipeline", "trainer", "vqkd"},
	"scenes":        {"pixels", "durable"},
	"doctor":        {},
	"bench":         {"pipeline", "sentencepiece", "stages", "tensor", "cpu", "pixels", "vqkd"},
}

const module = "github.com/imglish/imglish/"

func TestArrows(t *testing.T) {
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && file != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		file = filepath.ToSlash(file)
		from := path.Dir(file)
		top, _, _ := strings.Cut(from, "/")
		if top == "cmd" || top == "demo" || top == "." {
			return nil
		}
		allowed, known := mayImport[top]
		if !known {
			t.Errorf("%s: folder %s is not in the table of arrows", file, top)
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			to, ours := strings.CutPrefix(name, module)
			if !ours {
				continue
			}
			if why := refuse(from, to, allowed, strings.HasSuffix(file, "_test.go")); why != "" {
				t.Errorf("%s imports %s: %s", file, to, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// refuse says why a package in folder from may not import to, or "".
func refuse(from, to string, allowed []string, test bool) string {
	fromTop, _, _ := strings.Cut(from, "/")
	toTop, _, _ := strings.Cut(to, "/")
	if toTop == "cmd" || toTop == "demo" {
		return "nothing imports the commands"
	}
	if fromTop == "stages" && toTop == "stages" && stageOf(from) != stageOf(to) && !shared(to) {
		return "no stage imports another"
	}
	if fromTop == toTop {
		return ""
	}
	// Tests may use a concrete backend or generated pictures, which the code under test must not know.
	if test && (toTop == "cpu" || toTop == "scenes" || toTop == "tensor" || toTop == "pixels") {
		return ""
	}
	for _, a := range allowed {
		if a == toTop {
			return ""
		}
	}
	return fromTop + " may import " + strings.Join(allowed, ", ")
}

// shared reports whether a folder is what its parent's packages have in common: an internal package, such as the reading
// of files that all sources need.
func shared(dir string) bool { return strings.Contains(dir, "/internal") }

// stageOf names a stage's folder: stages/fetch, or stages/source/cc12m.
func stageOf(dir string) string {
	parts := strings.Split(dir, "/")
	n := 2
	if len(parts) > 2 && parts[1] == "source" {
		n = 3
	}
	return strings.Join(parts[:min(n, len(parts))], "/")
}

func TestArrowsRefuse(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		test     bool
		refused  bool
	}{
		{"pipeline", "stages/fetch", false, true},
		{"stages/fetch", "stages/clean", false, true},
		{"stages/source/cc12m", "stages/source/wikipedia", false, true},
		{"stages/source/cc12m", "stages/source/internal/files", false, false},
		{"stages/fetch", "store", false, false},
		{"trainer", "store", false, true},
		{"trainer", "cpu", false, true},
		{"trainer", "cpu", true, false},
		{"vqkd", "cmd/imglish", true, true},
		{"vqkd/train", "vqkd", false, false},
		{"tensor/checkpoint", "durable", false, false},
		{"durable", "pipeline", false, true},
	} {
		fromTop, _, _ := strings.Cut(tt.from, "/")
		why := refuse(tt.from, tt.to, mayImport[fromTop], tt.test)
		if (why != "") != tt.refused {
			t.Errorf("%s imports %s (test %v): refused %q, want refused %v", tt.from, tt.to, tt.test, why, tt.refused)
		}
	}
}
