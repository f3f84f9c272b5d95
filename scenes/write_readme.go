package scenes

import (
	"fmt"
	"io"
	"strings"
)

// writeReadme says in the folder itself what it holds.
func writeReadme(w io.Writer, c Config) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Rendered scenes\n\nMade by `imglish scenes` (generator %s) with seed %d: %d pairs, %d images, %d articles, %d pixels a side.\n",
		Version, c.Seed, c.Pairs, c.Images, c.Articles, c.Side)
	b.WriteString("Nothing here was photographed or written by a person. The data may be used under the CC0 dedication.\n\n")
	fmt.Fprintf(&b, "- `%s/` and `%s`: pictures, and a line `URL<tab>caption` for each, in the format of Conceptual 12M. The URLs start with `%s`, where this folder is to be served.\n",
		PhotosDir, ListFile, c.BaseURL)
	fmt.Fprintf(&b, "- `%s/`: pictures of one object, an archive a shape, in the format of ImageNet-21K. The synset numbers are made up: they are in no edition of WordNet.\n", SynsetsDir)
	for k, s := range Shapes {
		fmt.Fprintf(&b, "  - `%s`: %s\n", Synset(k), s)
	}
	fmt.Fprintf(&b, "- `%s`: articles in the format of a Wikipedia dump.\n", DumpFile)
	fmt.Fprintf(&b, "- `%s`: for each picture its objects with shape, colour, texture, box and area in pixels, and questions with answers, a JSON object a line.\n", TruthFile)
	if c.Masks {
		fmt.Fprintf(&b, "- `%s/`: a PNG for each object of each pair, white where the object covers at least half of a pixel.\n", MasksDir)
	}
	fmt.Fprintf(&b, "- `%s`: the settings. It is written last; a folder without it is not whole.\n", MarkFile)
	_, err := io.WriteString(w, b.String())
	return err
}
