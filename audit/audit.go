package audit

import (
	"context"
	"encoding/hex"
	"fmt"
	"runtime"
	"sync"

	"github.com/sourcegraph/conc/pool"

	"github.com/imglish/imglish/audit/dead"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/replay"
	"github.com/imglish/imglish/store/shards"
)

// Count is how much there is of something.
type Count struct {
	Samples int64 `json:"samples"` // ids
	Rows    int64 `json:"rows"`    // views or parts
	Bytes   int64 `json:"bytes"`   // of the files; 0 where several things share a file
}

// Report is what Run found. Maps are empty rather than nil.
type Report struct {
	URL     string `json:"url"`
	Line    string `json:"line"` // UUID
	Set     string `json:"set"`  // hash of the committed shards
	Commits int    `json:"commits"`
	Lanes   int    `json:"lanes"`
	Seq     int64  `json:"seq"` // records of the sources, skipped ones included

	Kinds   map[shards.Kind]Count            `json:"kinds"`   // "dropped" among them
	Sources map[string]map[shards.Kind]Count `json:"sources"` // by data set
	Skips   map[string]int64                 `json:"skips"`   // by "stage/reason"
	// Of these: those whose sample was taken once more and is in the shards now, and those whose sample is missing. The
	// rest was taken once more and skipped again, which is a skip of its own.
	Recovered map[string]int64 `json:"recovered"`
	Missing   map[string]int64 `json:"missing"`
	// SourceSkips are the skips by data set.
	SourceSkips map[string]map[string]int64 `json:"source_skips"`

	VisualTokenizer string `json:"visual_tokenizer"` // fingerprint; empty if there is none
	TextTokenizer   string `json:"text_tokenizer"`
	Codes           Usage  `json:"codes"`
	Pieces          Usage  `json:"pieces"`  // without bos and eos
	Unknown         int64  `json:"unknown"` // pieces that are the unknown one
}

// Run reads the committed shards of a store. progress, told of files, may be nil.
func Run(ctx context.Context, st store.Store, progress func(done, total int64, note string)) (*Report, error) {
	f, err := shards.Find(ctx, st)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	line, visual, text, err := f.Settings(ctx)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	set, err := f.Load(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	hash := set.Hash()
	a := &auditor{folder: f, visual: visual, text: text, progress: progress, report: &Report{
		URL: f.URL(), Line: line.Line, Set: hex.EncodeToString(hash[:]), Commits: len(set.Commits), Lanes: len(set.Through()),
		Kinds: map[shards.Kind]Count{}, Sources: map[string]map[shards.Kind]Count{}, Skips: map[string]int64{},
		SourceSkips: map[string]map[string]int64{},
		Recovered:   map[string]int64{}, Missing: map[string]int64{},
		VisualTokenizer: visual.Fingerprint, TextTokenizer: text.Fingerprint,
	}, codes: make([]int64, visual.Codes), pieces: make([]int64, text.Special.Vocab)}
	if a.fates, err = dead.ReadFates(ctx, f); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	for _, c := range set.Commits {
		a.report.Seq += int64(c.To - c.From + 1)
		a.total += int64(len(c.Files))
	}
	p := pool.New().WithMaxGoroutines(runtime.GOMAXPROCS(0)).WithContext(ctx).WithFirstError().WithCancelOnError()
	for _, c := range set.Commits {
		for _, file := range c.Files {
			p.Go(func(ctx context.Context) error { return a.file(ctx, c.Lane, file) })
		}
	}
	if err := p.Wait(); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	a.report.Codes, a.report.Pieces = usage(a.codes), usage(a.pieces)
	if unk := int(text.Special.Unk); text.Fingerprint != "" && unk >= 0 && unk < len(a.pieces) {
		a.report.Unknown = a.pieces[unk]
	}
	return a.report, nil
}

type auditor struct {
	folder   shards.Folder
	fates    *dead.Fated
	visual   shards.Visual
	text     shards.Textual
	progress func(done, total int64, note string)
	total    int64

	mu     sync.Mutex
	done   int64
	codes  []int64
	pieces []int64
	report *Report
}

// Columns that are counted, by kind.
type (
	imageColumns struct {
		ID     [16]byte      `parquet:"id"`
		Source shards.Source `parquet:"source"`
		Codes  []uint16      `parquet:"codes,list"`
	}
	textColumns struct {
		ID     [16]byte      `parquet:"id"`
		Source shards.Source `parquet:"source"`
		IDs    []int32       `parquet:"ids,list"`
	}
	pairColumns struct {
		ID     [16]byte      `parquet:"id"`
		Source shards.Source `parquet:"source"`
		Codes  []uint16      `parquet:"codes,list"`
		IDs    []int32       `parquet:"ids,list"`
	}
	droppedColumns struct {
		ID     [16]byte      `parquet:"id"`
		Seq    int64         `parquet:"seq,delta"`
		Source shards.Source `parquet:"source"`
		Stage  string        `parquet:"stage"`
		Reason string        `parquet:"reason"`
	}
)

// found is what one row adds.
type found struct {
	id      [16]byte
	dataset string
	codes   []uint16
	ids     []int32
	skip    string
	fate    dead.Fate // of the skip
	once    bool      // the ids are the sample's, not the row's: each row of a pair repeats its text
}

func (a *auditor) file(ctx context.Context, lane int, file shards.File) error {
	switch file.Kind {
	case shards.Image:
		return scan(ctx, a, file, func(r *imageColumns) found { return found{id: r.ID, dataset: r.Source.Dataset, codes: r.Codes} })
	case shards.Text:
		return scan(ctx, a, file, func(r *textColumns) found { return found{id: r.ID, dataset: r.Source.Dataset, ids: r.IDs} })
	case shards.Pair:
		return scan(ctx, a, file, func(r *pairColumns) found {
			return found{id: r.ID, dataset: r.Source.Dataset, codes: r.Codes, ids: r.IDs, once: true}
		})
	default:
		return scan(ctx, a, file, func(r *droppedColumns) found {
			return found{id: r.ID, dataset: r.Source.Dataset, skip: r.Stage + "/" + r.Reason,
				fate: a.fates.Of(replay.Place{Lane: lane, Seq: uint64(r.Seq)}, r.ID, r.Reason)}
		})
	}
}

// tally is what one file adds to the report.
type tally struct {
	sources map[string]Count
	skips   map[string]map[string]int64    // by data set, then reason
	fates   map[string]map[dead.Fate]int64 // by reason
	codes   []int64
	pieces  []int64
}

func scan[T any](ctx context.Context, a *auditor, file shards.File, look func(*T) found) error {
	r, err := shards.OpenFile[T](ctx, a.folder, file)
	if err != nil {
		return err
	}
	defer r.Close()
	t := tally{map[string]Count{}, map[string]map[string]int64{}, map[string]map[dead.Fate]int64{}, make([]int64, len(a.codes)), make([]int64, len(a.pieces))}
	rows := make([]T, min(shards.DefaultRowGroup, r.Len()))
	var last [16]byte
	for at := 0; at < r.Len(); at += len(rows) {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows = rows[:min(len(rows), r.Len()-at)]
		if err := r.At(at, rows); err != nil {
			return err
		}
		for i := range rows {
			row := look(&rows[i])
			if err := t.add(row, row.id != last); err != nil {
				return fmt.Errorf("%s row %d: %w: %w", file.Key, at+i, shards.ErrDamaged, err)
			}
			last = row.id
		}
	}
	a.merge(file, t)
	return nil
}

func (t *tally) add(row found, fresh bool) error {
	c := t.sources[row.dataset]
	c.Rows++
	if fresh {
		c.Samples++
	}
	t.sources[row.dataset] = c
	if row.skip != "" {
		if t.skips[row.dataset] == nil {
			t.skips[row.dataset] = map[string]int64{}
		}
		t.skips[row.dataset][row.skip]++
		if t.fates[row.skip] == nil {
			t.fates[row.skip] = map[dead.Fate]int64{}
		}
		t.fates[row.skip][row.fate]++
	}
	for _, code := range row.codes {
		if int(code) >= len(t.codes) {
			return fmt.Errorf("code %d, the tokenizer has %d", code, len(t.codes))
		}
		t.codes[code]++
	}
	if row.once && !fresh {
		return nil
	}
	for _, id := range row.ids {
		if id < 0 || int(id) >= len(t.pieces) {
			return fmt.Errorf("id %d, the tokenizer has %d", id, len(t.pieces))
		}
		t.pieces[id]++
	}
	return nil
}

func (a *auditor) merge(file shards.File, t tally) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.report
	k := r.Kinds[file.Kind]
	r.Kinds[file.Kind] = Count{k.Samples + int64(file.Samples), k.Rows + int64(file.Rows), k.Bytes + file.Bytes}
	for dataset, c := range t.sources {
		if r.Sources[dataset] == nil {
			r.Sources[dataset] = map[shards.Kind]Count{}
		}
		s := r.Sources[dataset][file.Kind]
		r.Sources[dataset][file.Kind] = Count{Samples: s.Samples + c.Samples, Rows: s.Rows + c.Rows}
	}
	for dataset, skips := range t.skips {
		if r.SourceSkips[dataset] == nil {
			r.SourceSkips[dataset] = map[string]int64{}
		}
		for reason, n := range skips {
			r.SourceSkips[dataset][reason] += n
			r.Skips[reason] += n
		}
	}
	for reason, fates := range t.fates {
		r.Recovered[reason] += fates[dead.Recovered]
		r.Missing[reason] += fates[dead.NotReplayed] + fates[dead.UnderWay]
	}
	for i, n := range t.codes {
		a.codes[i] += n
	}
	for i, n := range t.pieces {
		a.pieces[i] += n
	}
	if a.done++; a.progress != nil {
		a.progress(a.done, a.total, file.Key)
	}
}
