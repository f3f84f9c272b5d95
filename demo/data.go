package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/imglish/imglish/durable"
	"github.com/imglish/imglish/scenes"
)

// The demo's data folder, as a user's own might look: lists, archives and dumps in their published formats.
const (
	scenesDir = "scenes"    // what imglish scenes made: photos/, synsets/, pages-articles.xml.bz2
	realDir   = "real"      // photos out of packages
	listFile  = "cc12m.tsv" // traps, real photos, then scenes, mixed
	bombFile  = "bomb.png"
	wikiFile  = "enwiki-excerpt.xml.bz2"
	wikiName  = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
)

// dataset says what makeData made.
type dataset struct {
	photos []Photo // real ones that were there
	wiki   bool    // the Wikipedia excerpt was there
}

// makeData fills dir/data. Done twice it changes nothing. baseURL is where the folder will be served.
func makeData(ctx context.Context, dir string, cfg Config, baseURL string, progress func(done, total int64, note string)) (dataset, error) {
	var made dataset
	data := filepath.Join(dir, "data")
	sc := scenes.Defaults()
	sc.Seed, sc.Pairs, sc.Images, sc.Articles = cfg.Seed, cfg.Pairs, cfg.Images, cfg.Articles
	sc.BaseURL = baseURL + scenesDir + "/"
	if err := scenes.Write(ctx, filepath.Join(data, scenesDir), sc, progress); err != nil {
		return made, err
	}
	all, err := Photos()
	if err != nil {
		return made, err
	}
	if err := os.MkdirAll(filepath.Join(data, realDir), 0o755); err != nil {
		return made, fmt.Errorf("make the demo's data: %w", err)
	}
	for _, p := range present(all, cfg.Photos) {
		if err := copyFile(filepath.Join(data, realDir, p.Name), filepath.Join(cfg.Photos, p.Name)); err != nil {
			return made, err
		}
	}
	bomb := filepath.Join(data, bombFile)
	if _, err := os.Stat(bomb); err != nil {
		if err := durable.WriteFile(bomb, decompressionBomb()); err != nil {
			return made, err
		}
	}
	made.photos = present(all, filepath.Join(data, realDir))
	if _, err := os.Stat(filepath.Join(cfg.Photos, wikiName)); err == nil {
		if err := copyFile(filepath.Join(data, wikiFile), filepath.Join(cfg.Photos, wikiName)); err != nil {
			return made, err
		}
	}
	_, err = os.Stat(filepath.Join(data, wikiFile))
	made.wiki = err == nil
	return made, writeList(data, baseURL, made.photos)
}

// writeList mixes traps and real photos evenly into the list of scenes. A list that is there stays: the line refuses
// one that changes.
func writeList(data, baseURL string, photos []Photo) error {
	path := filepath.Join(data, listFile)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	list, err := os.ReadFile(filepath.Join(data, scenesDir, scenes.ListFile))
	if err != nil {
		return fmt.Errorf("read the list of scenes: %w", err)
	}
	rendered := strings.SplitAfter(strings.TrimSuffix(string(list), "\n")+"\n", "\n")
	rendered = rendered[:len(rendered)-1]
	var extra []string
	for _, t := range traps {
		url := t.path
		if strings.HasPrefix(url, "/") {
			url = strings.TrimSuffix(baseURL, "/") + url
		}
		extra = append(extra, url+"\t"+t.caption+"\n")
	}
	for _, p := range photos {
		extra = append(extra, baseURL+realDir+"/"+p.Name+"\t"+p.Caption+"\n")
	}
	every := len(rendered)/len(extra) + 1
	var b strings.Builder
	for i, row := range rendered {
		if i%every == 0 && i/every < len(extra) {
			b.WriteString(extra[i/every])
		}
		b.WriteString(row)
	}
	for i := (len(rendered) + every - 1) / every; i < len(extra); i++ {
		b.WriteString(extra[i])
	}
	return durable.WriteFile(path, []byte(b.String()))
}

// copyFile copies a file unless it is there.
func copyFile(to, from string) error {
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	f, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copy to the demo's data: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return fmt.Errorf("copy %s to the demo's data: %w", from, err)
	}
	return durable.WriteFile(to, data)
}
