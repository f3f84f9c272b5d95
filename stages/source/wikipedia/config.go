package wikipedia

import "errors"

// Config says which dumps to read.
type Config struct {
	Dataset      string   `yaml:"dataset"` // the name samples carry; one for each wiki
	Dump         string   `yaml:"dump"`    // a file, or a pattern such as enwiki-*-pages-articles*.bz2
	Dumps        []string `yaml:"dumps"`   // several; later ones must be put behind, never between
	Licence      string   `yaml:"licence"`
	MaxPage      int      `yaml:"max_page"`      // bytes of XML of one page; a larger one is skipped
	DropSections []string `yaml:"drop_sections"` // headings of sections that are no prose
}

// dumps are the paths and patterns of the dumps.
func (c Config) dumps() []string {
	if c.Dump != "" {
		return []string{c.Dump}
	}
	return c.Dumps
}

// Defaults returns the settings for Wikipedia, but for where the dump is.
func Defaults() Config {
	return Config{
		Dataset:      "wikipedia",
		Licence:      "CC BY-SA", // 4.0 since June 2023, 3.0 before: the dump does not say
		MaxPage:      16 << 20,   // MediaWiki takes at most 2 MiB of wikitext, which grows when it is escaped
		DropSections: apparatus,
	}
}

// apparatus are the headings of what stands behind an article: references and lists of links, bare without them.
var apparatus = []string{
	"References", "Notes", "Notes and references", "References and notes", "Footnotes", "Citations", "Sources",
	"Works cited", "Bibliography", "Further reading", "External links", "See also", "Gallery",
	"Einzelnachweise", "Weblinks", "Literatur", "Siehe auch", "Quellen", // German
	"Références", "Notes et références", "Liens externes", "Voir aussi", "Bibliographie", "Articles connexes", // French
	"Referencias", "Enlaces externos", "Véase también", "Bibliografía", // Spanish
}

// Validate tells what cannot work.
func (c Config) Validate() error {
	switch {
	case c.Dataset == "":
		return errors.New("dataset: a source needs a name")
	case c.Dump == "" && len(c.Dumps) == 0:
		return errors.New("dump: say which pages-articles file to read (dump: or dumps:)")
	case c.Dump != "" && len(c.Dumps) > 0:
		return errors.New("dump: give either dump or dumps")
	case c.MaxPage < 1<<10 || c.MaxPage > 1<<30:
		return errors.New("max_page: must lie between 1 KiB and 1 GiB")
	}
	return nil
}
