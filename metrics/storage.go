package metrics

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imglish/imglish/store"
)

// What this process does with its stores.
var (
	ofOperation = []string{"operation"}

	storeSeconds = &metric{"imglish_store_operation_seconds", histogram, "Time of an operation on a store: put, put_if_absent, open, read (of an open object), get, stat, list, delete.", ofOperation}
	storeBytes   = &metric{"imglish_store_bytes_total", counter, "Bytes read from stores (get, read) or written to them (put, put_if_absent).", ofOperation}
	storeErrors  = &metric{"imglish_store_errors_total", counter, "Operations that failed; that an object does not exist is an answer, not a failure.", ofOperation}
)

var storeMetrics = []*metric{storeSeconds, storeBytes, storeErrors}

// storeOperations are the values of the label, all there from the start, so that a rate has something to begin with.
var storeOperations = []string{"put", "put_if_absent", "open", "read", "get", "stat", "list", "delete"}

// Storage counts what goes through the stores that it wraps.
type Storage struct {
	seconds *prometheus.HistogramVec
	bytes   *prometheus.CounterVec
	errors  *prometheus.CounterVec
}

// NewStorage counts from 0.
func NewStorage() *Storage {
	s := &Storage{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: storeSeconds.name, Help: storeSeconds.help,
			Buckets: []float64{0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}, // a folder; S3 at its worst
		}, ofOperation),
		bytes:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: storeBytes.name, Help: storeBytes.help}, ofOperation),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{Name: storeErrors.name, Help: storeErrors.help}, ofOperation),
	}
	for _, op := range storeOperations {
		s.seconds.WithLabelValues(op)
		s.bytes.WithLabelValues(op)
		s.errors.WithLabelValues(op)
	}
	return s
}

// Describe implements prometheus.Collector.
func (s *Storage) Describe(ch chan<- *prometheus.Desc) {
	s.seconds.Describe(ch)
	s.bytes.Describe(ch)
	s.errors.Describe(ch)
}

// Collect implements prometheus.Collector.
func (s *Storage) Collect(ch chan<- prometheus.Metric) {
	s.seconds.Collect(ch)
	s.bytes.Collect(ch)
	s.errors.Collect(ch)
}

// Wrap counts what is done with a store.
func (s *Storage) Wrap(st store.Store) store.Store { return &counted{st, s} }

func (s *Storage) count(ctx context.Context, op string, began time.Time, bytes int64, err error) {
	s.seconds.WithLabelValues(op).Observe(time.Since(began).Seconds())
	if bytes > 0 {
		s.bytes.WithLabelValues(op).Add(float64(bytes))
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, io.EOF) && ctx.Err() == nil {
		s.errors.WithLabelValues(op).Inc()
	}
}

// counted is a store whose operations are counted.
type counted struct {
	store.Store
	to *Storage
}

// Unwrap is the store itself, for what it can do besides.
func (c *counted) Unwrap() store.Store { return c.Store }

func (c *counted) Put(ctx context.Context, key string, r io.Reader) (store.Info, error) {
	began := time.Now()
	info, err := c.Store.Put(ctx, key, r)
	c.to.count(ctx, "put", began, info.Size, err)
	return info, err
}

func (c *counted) PutIfAbsent(ctx context.Context, key string, data []byte) (bool, error) {
	began := time.Now()
	created, err := c.Store.PutIfAbsent(ctx, key, data)
	n := int64(0)
	if created {
		n = int64(len(data))
	}
	c.to.count(ctx, "put_if_absent", began, n, err)
	return created, err
}

func (c *counted) Open(ctx context.Context, key string) (store.Object, error) {
	began := time.Now()
	o, err := c.Store.Open(ctx, key)
	c.to.count(ctx, "open", began, 0, err)
	if err != nil {
		return nil, err
	}
	return &countedObject{o, c.to}, nil
}

func (c *counted) Get(ctx context.Context, key string) ([]byte, error) {
	began := time.Now()
	data, err := c.Store.Get(ctx, key)
	c.to.count(ctx, "get", began, int64(len(data)), err)
	return data, err
}

func (c *counted) Stat(ctx context.Context, key string) (store.Info, error) {
	began := time.Now()
	info, err := c.Store.Stat(ctx, key)
	c.to.count(ctx, "stat", began, 0, err)
	return info, err
}

// List counts a whole walk as one operation, the time of whoever walks left out.
func (c *counted) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		began := time.Now()
		var last error
		for info, err := range c.Store.List(ctx, prefix) {
			stopped := time.Now()
			last = err
			more := yield(info, err)
			began = began.Add(time.Since(stopped))
			if !more {
				break
			}
		}
		c.to.count(ctx, "list", began, 0, last)
	}
}

func (c *counted) Delete(ctx context.Context, key string) error {
	began := time.Now()
	err := c.Store.Delete(ctx, key)
	c.to.count(ctx, "delete", began, 0, err)
	return err
}

type countedObject struct {
	store.Object
	to *Storage
}

func (o *countedObject) ReadAt(p []byte, off int64) (int, error) {
	began := time.Now()
	n, err := o.Object.ReadAt(p, off)
	o.to.count(context.Background(), "read", began, int64(n), err)
	return n, err
}
