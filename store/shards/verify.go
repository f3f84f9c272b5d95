package shards

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imglish/imglish/store"
)

// Fault is something wrong with the shards, and what a user can do about it.
type Fault struct {
	Where string `json:"where"` // commit, file or lane
	What  string `json:"what"`
	Do    string `json:"do"`
}

func (f Fault) String() string { return f.Where + ": " + f.What + "; " + f.Do }

// Report is the outcome of Verify.
type Report struct {
	Commits int     `json:"commits"`
	Files   int     `json:"files"`
	Rows    int64   `json:"rows"`
	Bytes   int64   `json:"bytes"`
	Lanes   int     `json:"lanes"`
	Seq     uint64  `json:"seq"`     // accepted records, skipped ones included
	Loose   int     `json:"loose"`   // files that no commit names: remains of a crash, harmless
	Set     string  `json:"set"`     // hash of the committed set, hex
	Faults  []Fault `json:"faults"`  // empty if all is well
	Through Through `json:"through"` // last seq of each lane
}

// What a user can do. Shards can be made again from their source, since the same records give the same bytes.
const (
	doRemake  = "delete the commit and run the line again: the range is made anew from its source, if the log still holds it; else restore the file from a copy"
	doRestore = "restore it from a copy"
	doForeign = "move it out of the folder"
)

// Verify reads every commit and every file and reports each fault. progress may be nil; its unit is bytes. The error is
// for a store that cannot be read at all.
func (f Folder) Verify(ctx context.Context, progress func(done, total int64, note string)) (*Report, error) {
	line, visual, text, err := f.Settings(ctx)
	if err != nil {
		return nil, err
	}
	v := &verifier{folder: f, line: line, visual: visual, text: text, progress: progress, named: map[string]bool{},
		lane: map[int]*laneCheck{}, report: &Report{Faults: []Fault{}, Through: Through{}}}
	if err := v.commits(ctx); err != nil {
		return nil, err
	}
	for _, c := range v.readable {
		if err := v.ranges(ctx, c); err != nil {
			return nil, err
		}
	}
	if err := v.loose(ctx); err != nil {
		return nil, err
	}
	set, err := f.Load(ctx, nil)
	if unreachable(err) {
		return nil, err
	}
	if err == nil {
		sum := set.Hash()
		v.report.Set, v.report.Through = hex.EncodeToString(sum[:]), set.Through()
	}
	v.report.Lanes = len(v.lane)
	return v.report, nil
}

type verifier struct {
	folder   Folder
	line     Line
	visual   Visual
	text     Textual
	progress func(done, total int64, note string)

	readable []*Commit
	named    map[string]bool // keys of files that commits name
	lane     map[int]*laneCheck
	total    int64
	report   *Report
}

type laneCheck struct {
	next   uint64
	source string
}

func (v *verifier) fault(where, do, what string, args ...any) {
	v.report.Faults = append(v.report.Faults, Fault{Where: where, What: fmt.Sprintf(what, args...), Do: do})
}

// commits reads the commits and holds each lane to ranges from 0 on, without gap or overlap.
func (v *verifier) commits(ctx context.Context) error {
	for info, err := range v.folder.Store.List(ctx, commitFolder) {
		if err != nil {
			return err
		}
		if key := info.Key; !isCommitKey(key) {
			v.fault(key, doForeign, "is not a commit's name")
		}
	}
	found, err := v.folder.commits(ctx, "")
	if err != nil {
		return err
	}
	read := v.folder.ahead(ctx, found, func(store.Info) bool { return true })
	for i, info := range found {
		key := info.Key
		v.report.Commits++
		number, from, to, _ := parseRange(key, ".json")
		lane := v.lane[number]
		if lane == nil {
			lane = &laneCheck{}
			v.lane[number] = lane
		}
		if from > lane.next {
			v.fault(fmt.Sprintf("lane %d", number), doRestore, "seq %d to %d has no commit", lane.next, from-1)
		} else if from < lane.next {
			v.fault(key, doForeign, "its range begins inside the one before, which ends at seq %d", lane.next-1)
		}
		lane.next = max(lane.next, to+1)
		c, err := read(i)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if unreachable(err) {
				return err
			}
			v.fault(key, doRestore, "%v", err)
			continue
		}
		if c.Line != v.line.Line {
			v.fault(key, doForeign, "it is of line %s, the folder is of line %s", c.Line, v.line.Line)
		}
		if lane.source == "" {
			lane.source = c.Source
		} else if c.Source != lane.source {
			v.fault(key, doForeign, "its source is %s, the lane's is %s", c.Source, lane.source)
		}
		v.readable = append(v.readable, c)
		v.report.Seq += c.To - c.From + 1
		for _, f := range c.Files {
			v.named[f.Key] = true
			v.total += f.Bytes
		}
	}
	return nil
}

func isCommitKey(key string) bool {
	_, _, _, ok := parseRange(key, ".json")
	return ok && strings.Count(key, "/") == 1
}

// ranges reads the files of a commit and holds them to it: bytes, rows, and each seq in exactly one file.
func (v *verifier) ranges(ctx context.Context, c *Commit) error {
	seen := make([]Kind, c.To-c.From+1)
	complete := true
	for _, file := range c.Files {
		v.report.Files++
		err := v.file(ctx, c, file, seen)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if unreachable(err) {
			return err
		}
		if err != nil {
			complete = false
			do := doRemake
			if errors.Is(err, errRows) {
				do = "the file is whole but wrong: remake it with a program and tokenizers that match the folder's"
			}
			v.fault(file.Key, do, "%v", err)
			continue
		}
		v.report.Rows += int64(file.Rows)
		v.report.Bytes += file.Bytes
		if v.progress != nil {
			v.progress(v.report.Bytes, v.total, file.Key)
		}
	}
	if i := slices.Index(seen, ""); i >= 0 && complete {
		v.fault(c.Key(), doRemake, "seq %d is in none of its files", c.From+uint64(i))
	}
	return nil
}

// hash reads a file and compares it with its commit.
func (v *verifier) hash(ctx context.Context, file File) error {
	o, err := v.folder.Store.Open(ctx, file.Key)
	if errors.Is(err, store.ErrNotFound) {
		return errors.New("the file is missing")
	}
	if err != nil {
		return err
	}
	defer o.Close()
	if o.Size() != file.Bytes {
		return fmt.Errorf("it has %d bytes, its commit says %d", o.Size(), file.Bytes)
	}
	h := sha256.New()
	section := io.NewSectionReader(o, 0, o.Size())
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := io.CopyN(h, section, 8<<20); err == io.EOF {
			break
		} else if err != nil {
			return fmt.Errorf("read: %w", err)
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != file.SHA256 {
		return fmt.Errorf("its SHA-256 is %s, its commit says %s", got, file.SHA256)
	}
	return nil
}

// loose counts the files that no commit names.
func (v *verifier) loose(ctx context.Context) error {
	for _, kind := range Kinds {
		for info, err := range v.folder.Store.List(ctx, string(kind)+"/") {
			if err != nil {
				return err
			}
			if key := info.Key; !v.named[key] {
				v.report.Loose++
			}
		}
	}
	return nil
}
