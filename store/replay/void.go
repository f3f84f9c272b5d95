package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store"
)

// void says that stages do their work again, and with it the skips that they have made: the samples of these skips in the
// lists that there were then are not to be taken once more, since that would be twice.
type void struct {
	Lists  int      `json:"lists"` // the number of the last list that it holds for
	Stages []string `json:"stages"`
}

const voidPrefix = "replay/void-"

// Voids says which rows of lists count no more.
type Voids []void

// Void makes the rows of all lists count no more whose skips were made by one of the stages. line is the id that the line
// has from then on, a UUID; doing it again does no harm. The line does not run meanwhile.
func (l Lists) Void(ctx context.Context, line string, stages []string) error {
	keys, err := l.Keys(ctx)
	if err != nil || len(keys) == 0 {
		return err
	}
	data, err := json.Marshal(void{len(keys), stages})
	if err == nil {
		_, err = l.Store.PutIfAbsent(ctx, voidPrefix+line+".json", append(data, '\n'))
	}
	return err
}

// Voids reads what Void has written.
func (l Lists) Voids(ctx context.Context) (Voids, error) {
	var out Voids
	for info, err := range l.Store.List(ctx, voidPrefix) {
		if err != nil {
			return nil, err
		}
		data, err := l.Store.Get(ctx, info.Key)
		if err != nil {
			return nil, err
		}
		var v void
		if err := json.Unmarshal(data, &v); err != nil || v.Lists < 1 {
			return nil, fmt.Errorf("%s/%s: %w: %w", l.Store.URL(), info.Key, store.ErrDamaged, errors.Join(err, errors.New("it names no lists")))
		}
		out = append(out, v)
	}
	return out, nil
}

// Has says whether the samples of a list whose skips a stage has made count no more.
func (v Voids) Has(list int, stage string) bool {
	return slices.ContainsFunc(v, func(x void) bool { return list <= x.Lists && slices.Contains(x.Stages, stage) })
}

// Mark notes in a sample's history which list and which stage's skip it comes from.
func Mark(s *pipeline.Sample, list int, stage string) {
	s.History = append(s.History, &pipeline.Step{Stage: Source, Version: fmt.Sprintf("%d %s", list, stage)})
}

// Marked says whether a sample comes from a row that counts no more.
func (v Voids) Marked(s *pipeline.Sample) bool {
	for _, step := range s.GetHistory() {
		number, stage, ok := strings.Cut(step.Version, " ")
		list := 0
		if _, err := fmt.Sscan(number, &list); step.Stage == Source && ok && err == nil && v.Has(list, stage) {
			return true
		}
	}
	return false
}

// DoneAgain is the reason of the skip that stands for a sample that counts no more, in the shards of the lanes of replay.
const DoneAgain = "done-again"
