package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
)

// Run runs a line, or the segments of it that opts names, until every source is read to its end and every lane is
// drained. It returns ctx's error when it is told to stop; the same call again goes on where it was.
func Run(ctx context.Context, cfg *Config, b Builders, opts Options) error {
	r, err := New(cfg, b, opts)
	if err != nil {
		return err
	}
	return r.Run(ctx)
}

// Runner runs a line once. Snapshot may be called at any time, from any goroutine.
type Runner struct {
	cfg      *Config
	builders Builders
	opts     Options
	logger   *slog.Logger
	segments []Segment // those of this process, in order

	start   time.Time
	at      endpoint
	log     *kafkaLog
	line    *line
	journal *journal
	memory  *memory
	crews   map[int]*crew // by segment
	sink    Sink
	closers []io.Closer
	env     Env

	mu      sync.Mutex
	wanted  []SourceAt // of the graph file, and those that have joined
	sources map[string]*builtSource

	counters []*counter
	ready    atomic.Bool // the fields above are set
	done     atomic.Bool // everything is drained

	pool     workers
	measured *measuredLog
	assigned atomic.Bool // lanes have been handed out
	fail     context.CancelCauseFunc
}

// builtSource is a source of this process.
type builtSource struct {
	Source
	files int // how many it has, so that an end noted before they were appended does not count
	state atomic.Pointer[SourceState]
}

// New prepares a run. It checks which segments are wanted, and starts nothing.
func New(cfg *Config, b Builders, opts Options) (*Runner, error) {
	segments, err := cfg.choose(opts.Stages)
	if err != nil {
		return nil, err
	}
	r := &Runner{
		cfg: cfg, builders: b, opts: opts, segments: segments, logger: opts.Logger,
		crews: map[int]*crew{}, sources: map[string]*builtSource{},
	}
	r.memory = newMemory(int64(cfg.MemoryMB) << 20)
	if r.logger == nil {
		r.logger = slog.New(slog.DiscardHandler)
	}
	if r.opts.Every <= 0 {
		r.opts.Every = time.Second
	}
	return r, nil
}

const (
	// openTimeout is how long a run waits for the embedded broker to answer.
	openTimeout = 20 * time.Second
	// stopTimeout is how long a stopped run waits for work that does not heed its context, such as a long call of C
	// code. What it leaves behind is not written, so nothing is lost by it.
	stopTimeout = 1500 * time.Millisecond
	// ballastBytes take no memory, since nobody touches them, but count as alive. Lanes and the embedded broker make new
	// memory for each record and request; where little else is alive Go's collector would run every few of them, which
	// takes up to a third of the time. With the ballast, garbage comes to as much before it runs.
	ballastBytes = 64 << 20
)

// Run runs the line. It may be called once.
func (r *Runner) Run(ctx context.Context) (err error) {
	r.start = time.Now()
	ballast := make([]byte, ballastBytes)
	defer runtime.KeepAlive(ballast)
	c, err := connect(ctx, r.cfg, r.logger)
	if err != nil {
		return err
	}
	defer c.close()
	r.log, r.at = c.log, c.at
	r.log.outage = newOutage(r.logger, r.at.brokers)
	if err := r.open(ctx); err != nil {
		err = errors.Join(err, r.closeParts())
		r.journal.close()
		return err
	}
	r.ready.Store(true)
	stopped, err := r.work(ctx)
	if stopped {
		err = errors.Join(err, r.closeParts())
	}
	r.journal.close() // an end in order is no crash, also where work is left behind
	if r.opts.Progress != nil {
		r.opts.Progress(r.Snapshot())
	}
	return err
}

// work runs the lanes until the line is done, told to stop, or failed. stopped says whether everything has ended.
func (r *Runner) work(outer context.Context) (stopped bool, err error) {
	ctx, cancel := context.WithCancelCause(outer)
	defer cancel(nil)
	r.fail = cancel
	var background sync.WaitGroup
	r.line.board.outage, r.line.board.fail = r.log.outage, func(err error) { cancel(err) }
	background.Go(func() { r.line.board.run(ctx) })
	background.Go(func() { r.log.outage.run(ctx) })
	background.Go(func() {
		every(ctx, causePause, nil, func() {
			if err := r.line.causes.tell(ctx, r.log, r.segments, false); err != nil {
				r.logger.Debug("causes of standing lanes", "error", err)
			}
		})
	})
	background.Go(func() {
		if err := r.share(ctx); err != nil && ctx.Err() == nil {
			cancel(err)
		}
	})
	background.Go(func() {
		every(ctx, bookPause, nil, func() {
			if err := r.readBook(ctx); err != nil && ctx.Err() == nil {
				if errors.Is(err, ErrFatal) {
					cancel(err)
				}
				r.logger.Log(ctx, levelOf(err), "book of sources", "error", err)
			}
		})
	})
	background.Go(func() {
		every(ctx, followPause, nil, func() {
			if err := r.joinNew(ctx); err != nil && ctx.Err() == nil && r.readsSources() {
				r.logger.Log(ctx, levelOf(err), "look for sources that join", "error", err)
			}
		})
	})
	if r.opts.Progress != nil {
		background.Go(func() { every(ctx, r.opts.Every, nil, func() { r.opts.Progress(r.Snapshot()) }) })
	}
	every(ctx, pollPause, nil, func() {
		if !r.opts.Follow && r.drained() {
			// While the lanes are still there: what the closing table says is what has been saved.
			r.line.board.complain(ctx, "save positions", r.line.board.save(ctx))
			r.done.Store(true)
			cancel(errDone)
		}
	})
	err = context.Cause(ctx)
	if errors.Is(err, errDone) {
		err = nil
	}
	stopped = r.pool.stop(stopTimeout)
	if !stopped {
		r.logger.Warn("work in progress is left behind: it will be done again")
	}
	background.Wait()
	last, end := context.WithTimeout(context.WithoutCancel(outer), time.Second)
	defer end()
	if e := r.line.board.save(last); e != nil {
		r.logger.Warn("positions were not saved: the next run looks for them", "error", e)
	}
	if e := r.line.causes.tell(last, r.log, r.segments, true); e != nil {
		r.logger.Debug("causes of standing lanes", "error", e)
	}
	return stopped, err
}

var errDone = errors.New("done")

// share takes part in the sharing of lanes.
func (r *Runner) share(ctx context.Context) error {
	a := &assigner{
		group: r.cfg.base(), at: r.at, logger: r.logger,
		owned: r.pool.owned,
		apply: func(shares map[string][]int) { r.take(ctx, shares) },
		trouble: func(err error) error {
			if errors.Is(err, kafka.RebalanceInProgress) || errors.Is(err, kafka.UnknownMemberId) || errors.Is(err, kafka.IllegalGeneration) {
				err = nil // part of sharing
			}
			r.log.outage.result("share of the lanes", err)
			return r.confirmed(ctx, refused(err))
		},
	}
	for _, s := range r.segments {
		a.topics = append(a.topics, r.line.shareTopic(s))
	}
	return a.run(ctx)
}

// take starts the work that has come to this process and stops what has gone to another.
func (r *Runner) take(ctx context.Context, shares map[string][]int) {
	if err := r.journal.absorb(); err != nil {
		r.logger.Warn("work journal", "error", err)
	}
	r.assigned.Store(true)
	lanes := 0
	for _, partitions := range shares {
		lanes += len(partitions)
	}
	r.log.fetchFor(r.memory.limit/4, lanes)
	r.pool.take(ctx, shares, func(topic string, partition int) job {
		for _, s := range r.segments {
			switch {
			case r.line.shareTopic(s) != topic:
			case s.Input == "":
				return r.sourceJob(s, partition)
			default:
				l := &lane{line: r.line, segment: s, number: partition, crew: r.crews[s.Index]}
				if s.Output == "" {
					l.sink = r.sink
				}
				return job{run: l.run, leave: l.leave, lanes: []workLane{l.at()}, name: fmt.Sprintf("%s lane %d", s.Name(), partition)}
			}
		}
		return job{run: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
	}, r.supervise)
}

func (r *Runner) sourceJob(s Segment, partition int) job {
	entry := r.line.book.source(partition)
	var lanes []workLane
	for k := range entry.Lanes {
		lanes = append(lanes, workLane{s.Name(), entry.first + k})
	}
	leave := func() {
		of := r.line.book.source(partition)
		for k := range of.Lanes {
			r.line.board.leave(s.Name(), of.first+k)
		}
	}
	return job{name: "source " + entry.Source, lanes: lanes, leave: leave, run: func(ctx context.Context) error {
		name := r.line.book.source(partition).Source
		src := r.source(name)
		for src == nil {
			// A source that the graph file no longer names is not read, only its lanes are drained. One that is just
			// joining may be in the book before this process has it.
			if !pause(ctx, bookPause) {
				return ctx.Err()
			}
			name = r.line.book.source(partition).Source
			src = r.source(name)
		}
		reader := &sourceReader{
			line: r.line, name: name, partition: partition, source: src, segment: s,
			crew: r.crews[s.Index], follow: r.opts.Follow, state: &src.state,
		}
		return reader.run(ctx)
	}}
}

// supervise runs a job again and again until it is told to stop. What it cannot mend stops the line.
func (r *Runner) supervise(ctx context.Context, j job) {
	wait := minRetry
	noBase := 0
	for _, at := range j.lanes {
		r.line.causes.begin(at)
	}
	for {
		began := time.Now()
		err := j.run(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errNoBase) {
			// What is known of saved positions may be a moment old; what stays unknown is an error.
			if noBase++; noBase > 8 {
				err = fatal(err)
			}
		} else {
			noBase = 0
		}
		err = r.confirmed(ctx, err)
		if err = full(r.cfg.Data, unwritable(err)); errors.Is(err, ErrFatal) {
			r.fail(err)
			return
		}
		if time.Since(began) > 10*time.Second {
			wait = minRetry
		}
		if fromBroker(err) {
			wait = min(wait, maxBrokerRetry)
		}
		level := slog.LevelInfo
		switch {
		case fromBroker(err):
			level = slog.LevelDebug // the outage speaks for all
		case wait > time.Second:
			level = slog.LevelWarn
		}
		for _, at := range j.lanes {
			r.line.causes.set(at, causeRetry, fmt.Sprint("tries again: ", err))
		}
		r.logger.Log(ctx, level, "resuming", "job", j.name, "after", err, "pause", wait)
		if !pause(ctx, wait) {
			return
		}
		wait = min(2*wait, maxRetry)
	}
}

const (
	minRetry = 50 * time.Millisecond
	maxRetry = 5 * time.Second
	// maxBrokerRetry is for a job whose broker is away: it has done no work, and is to go on soon when the broker is back.
	maxBrokerRetry = time.Second
)

// drained says whether every source is read to its end and every lane is through the last segment of this process.
func (r *Runner) drained() bool {
	last := r.segments[len(r.segments)-1]
	topic := last.Output
	if topic == "" {
		topic = last.Input
	}
	bySource := map[string]bookSource{}
	for _, s := range r.line.book.all() {
		bySource[s.Source] = s
	}
	for _, c := range r.wantedSources() {
		s, ok := bySource[c.Name]
		if !ok || !s.Ended {
			return false
		}
		if b := r.source(c.Name); b != nil && len(s.Files) < b.files {
			return false
		}
		for k := range s.Lanes {
			number := s.first + k
			if r.line.board.at(last.Name(), topicLane{topic, number}).LastSeq+1 < s.total(number) {
				return false
			}
		}
	}
	return true
}

func (r *Runner) readBook(ctx context.Context) error {
	n, err := r.log.partitions(ctx, r.line.book.topic)
	if err != nil || n == 0 {
		return err
	}
	if err := r.line.book.read(ctx, n); err != nil {
		return err
	}
	if now := r.line.book.lives(); now.n() != r.line.lives.n() {
		return fatal(fmt.Errorf("line %s has been reset or repaired meanwhile: what is under way here counts no more; start this process again", r.cfg.Line))
	}
	return nil
}

// closeParts closes what was built, in the opposite order.
func (r *Runner) closeParts() error {
	var errs []error
	for i := len(r.closers) - 1; i >= 0; i-- {
		errs = append(errs, r.closers[i].Close())
	}
	r.closers = nil
	return errors.Join(errs...)
}
