package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// ErrNeverRun: there is nothing to look at.
var ErrNeverRun = errors.New("the line has never run")

// Inspector looks at a line, whether it runs or not. It builds no source and no stage, and makes nothing: no folder, no
// topic. The log of an embedded broker that no process runs is opened for as long as the Inspector is.
type Inspector struct {
	cfg    *Config
	ranges Ranges
	logger *slog.Logger
	conn   *connection
	line   *line
}

// Inspect opens a line. ranges is where its sink keeps what is durable. The error wraps ErrNeverRun if there is no line
// yet. logger may be nil.
func Inspect(ctx context.Context, cfg *Config, ranges Ranges, logger *slog.Logger) (*Inspector, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	if len(cfg.Kafka.Brokers) == 0 {
		if has, err := embeddedHasRun(cfg); err != nil {
			return nil, err
		} else if !has {
			return nil, fmt.Errorf("%w: line %s has no log in %s: imglish run %s begins it", ErrNeverRun, cfg.Line, cfg.Data, cfg.File)
		}
	}
	conn, err := connect(ctx, cfg, logger)
	if err != nil {
		return nil, err
	}
	i := &Inspector{cfg: cfg, ranges: ranges, logger: logger, conn: conn}
	if err := conn.soon(ctx, i.open); err != nil {
		conn.close()
		return nil, err
	}
	return i, nil
}

// Close lets go of the log.
func (i *Inspector) Close() { i.conn.close() }

// open reads the book anew.
func (i *Inspector) open(ctx context.Context) error {
	b := &book{log: i.conn.log, topic: i.cfg.sourcesTopic()}
	n, err := i.conn.log.partitions(ctx, b.topic)
	if err != nil {
		return err
	}
	if n == 0 {
		return fatal(fmt.Errorf("%w: broker %s has no topic %s: imglish run %s begins it",
			ErrNeverRun, strings.Join(i.conn.at.brokers, ","), b.topic, i.cfg.File))
	}
	if err := b.read(ctx, n); err != nil {
		return err
	}
	if b.line = b.source(0).Line; b.line == "" {
		if tally, err := i.ranges.Tally(ctx); err != nil || tally.Line != "" {
			return errors.Join(err, fatal(fmt.Errorf("topic %s has lost all it held, and the line has run: run it again, which enters its sources anew in the order of the graph file (the data folder %s knows the line's id), and repair it then if it says so",
				b.topic, i.cfg.Data)))
		}
		return fatal(fmt.Errorf("%w: topic %s names no source: imglish run %s begins it", ErrNeverRun, b.topic, i.cfg.File))
	}
	if i.line, err = newLine(i.conn.log, b, i.cfg, i.logger); err != nil {
		return err
	}
	return i.line.board.poll(ctx)
}

// settleTimeout is how long a look waits for lanes that are being shared out.
const settleTimeout = 3 * time.Second

// process is a member of the group that shares the lanes.
type process struct {
	id, client, host string
	lanes            map[topicLane]bool
}

// processes are those that run the line now. One that was killed counts until its session has ended.
func (i *Inspector) processes(ctx context.Context) ([]process, error) {
	for start := time.Now(); ; {
		out, settled, err := i.members(ctx)
		if err != nil || settled || time.Since(start) > settleTimeout {
			return out, err
		}
		// The lanes are just being shared out anew.
		if !pause(ctx, 200*time.Millisecond) {
			return out, ctx.Err()
		}
	}
}

func (i *Inspector) members(ctx context.Context) (out []process, settled bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := i.conn.log.client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{i.cfg.base()}})
	if err != nil {
		return nil, false, fmt.Errorf("members of group %s: %w", i.cfg.base(), err)
	}
	settled = true
	for _, g := range res.Groups {
		if g.Error != nil && !errors.Is(g.Error, kafka.GroupIdNotFound) {
			return nil, false, fmt.Errorf("members of group %s: %w", i.cfg.base(), g.Error)
		}
		settled = settled && !strings.HasSuffix(g.GroupState, "Rebalance")
		for _, m := range g.Members {
			p := process{id: m.MemberID, client: m.ClientID, host: strings.TrimPrefix(m.ClientHost, "/"), lanes: map[topicLane]bool{}}
			for _, t := range m.MemberAssignments.Topics {
				for _, n := range t.Partitions {
					p.lanes[topicLane{t.Topic, n}] = true
				}
			}
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b process) int { return strings.Compare(a.name(), b.name()) })
	return out, settled, nil
}

// name is what people know a process by.
func (p process) name() string {
	if who, ok := strings.CutPrefix(p.client, clientPrefix); ok {
		return who
	}
	return p.client + " at " + p.host
}

const clientPrefix = clientID + "@"

// memberID is the name under which a process shares lanes: host and process id, for `imglish status`.
func memberID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s%s:%d", clientPrefix, host, os.Getpid())
}

// shareTopic is the topic whose partitions a segment's work is shared by, and partition the one that a lane belongs to.
func (l *line) shareTopic(s Segment) string {
	if s.Input == "" {
		return l.book.topic
	}
	return s.Input
}

func (l *line) sharePartition(s Segment, lane int) int {
	if s.Input != "" {
		return lane
	}
	for n, b := range l.book.all() {
		if b.Lanes > 0 && lane >= b.first && lane < b.first+b.Lanes {
			return n
		}
	}
	return -1
}
