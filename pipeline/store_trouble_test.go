package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

// storeTrouble is an error as stores give it.
type storeTrouble struct{ outage bool }

func (e storeTrouble) Error() string { return fmt.Sprintf("store trouble (outage %v)", e.outage) }
func (e storeTrouble) Outage() bool  { return e.outage }
func (e storeTrouble) Refused() bool { return !e.outage }

// failingStage passes samples on, behind some errors.
type failingStage struct {
	err  error
	left atomic.Int32
}

func (s *failingStage) Process(_ context.Context, in []*Sample) ([]Result, error) {
	if s.left.Add(-1) >= 0 {
		return nil, fmt.Errorf("stage: %w", s.err)
	}
	out := make([]Result, len(in))
	for i := range in {
		out[i] = Keep(in[i])
	}
	return out, nil
}

// A store that does not answer makes no skip, however many attempts it takes; one that refuses stops the line.
func TestStoreTrouble(t *testing.T) {
	run := func(err error, times int32) (*item, error) {
		s := &failingStage{err: err}
		s.left.Store(times)
		j, e := openJournal(t.TempDir(), "test")
		if e != nil {
			t.Fatal(e)
		}
		c := newCrew("work", j, newMemory(1<<30))
		w := DefaultWork()
		w.Backoff, w.Retries = 1, 2
		c.add("work", s, w, newCounter("work"))
		it := testItems(t, 1)[0]
		return it, c.do(t.Context(), 0, []*item{it}, func() {})
	}
	if it, err := run(storeTrouble{outage: true}, 10); err != nil || it.Skip != nil || it.Sample == nil {
		t.Errorf("behind 10 outages: %v, %+v, want the sample", err, it.Skip)
	}
	if it, err := run(errors.New("a bad sample"), 10); err != nil || it.Skip == nil {
		t.Errorf("behind 10 errors of the stage: %v, %+v, want a skip", err, it.Result)
	}
	if _, err := run(storeTrouble{}, 1); !errors.Is(err, ErrFatal) || !strings.Contains(err.Error(), "store trouble") {
		t.Errorf("a store that refuses: %v, want the line stopped", err)
	}
}

// What a graph file says of S3 ends in one string, and a key in it is refused without being shown.
func TestStoreSection(t *testing.T) {
	one := &numbers{name: "one", rows: []int{1}}
	b := testBuilders(newMemorySink(""), one)
	const graph = "data: run\nsources: [{name: one, one: {}}]\ngraph: " + graphOfThree + "\n"
	for _, tt := range []struct{ section, want, wrong string }{
		{"", "/data/run", ""},
		{"store: {url: there}", "/data/there", ""},
		{"store: {url: file:///abs}", "file:///abs", ""},
		{"store: {url: s3://bucket/p, endpoint: https://h:9000, region: r, ca: ca.pem, credentials_file: /k, profile: me, blobs: 720h}",
			"s3://bucket/p?ca=%2Fdata%2Fca.pem&credentials_file=%2Fk&endpoint=https%3A%2F%2Fh%3A9000&profile=me&region=r", ""},
		{"store: {url: 's3://bucket/p?region=x&part_mb=8', region: r}", "s3://bucket/p?part_mb=8&region=r", ""},
		{"store: {url: s3://bucket, secret_key: hunter2}", "", "AWS_SECRET_ACCESS_KEY"},
		{"store: {url: s3://bucket, access_key: hunter2}", "", "AWS_SECRET_ACCESS_KEY"},
		{"store: {url: 's3://me:hunter2@bucket'}", "", "AWS_SECRET_ACCESS_KEY"},
		{"store: {url: 's3://bucket?aws_secret_access_key=hunter2'}", "", "AWS_SECRET_ACCESS_KEY"},
		{"store: {url: s3://bucket, secret: hunter2}", "", "unknown key"},
		{"store: {endpoint: https://h}", "", "give its url"},
		{"store: {blobs: -1h}", "", "720h"},
	} {
		c, err := Parse("/data/graph.yaml", []byte(graph+tt.section+"\n"), b)
		if tt.wrong == "" {
			if err != nil || c.StoreURL() != tt.want {
				t.Errorf("%s: %v, %v, want %s", tt.section, c, err, tt.want)
			}
		} else if err == nil || !strings.Contains(err.Error(), tt.wrong) || strings.Contains(fmt.Sprintf("%+v %#v", err, err), "hunter2") {
			t.Errorf("%s: %v, want a complaint about %q without the secret", tt.section, err, tt.wrong)
		}
	}
}
