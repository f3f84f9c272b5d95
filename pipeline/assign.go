package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
)

// assigner shares the lanes among the processes that run the line. A consumer group does it, and does nothing else:
// its offsets are not used, reading goes by plain requests. A process may hold a lane for a moment longer than it is
// meant to; the lanes' rules make that harmless.
type assigner struct {
	group  string
	topics []string
	at     endpoint
	logger *slog.Logger
	owned  func() map[string][]int // what this process works on now
	apply  func(map[string][]int)  // told each time the shares change
	// trouble is told how each try to get a share went. What it makes ErrFatal ends the sharing.
	trouble func(error) error
}

const (
	// sessionTimeout is how long the lanes of a killed process rest. It is the least that a Kafka broker allows by
	// default.
	sessionTimeout = 6 * time.Second
	heartbeat      = 500 * time.Millisecond // within which a process learns that another has joined
)

func (a *assigner) run(ctx context.Context) error {
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID:                     a.group,
		Brokers:                a.at.brokers,
		Topics:                 a.topics,
		Dialer:                 a.at.dialer(),
		GroupBalancers:         []kafka.GroupBalancer{stickyBalancer{a.owned}},
		HeartbeatInterval:      heartbeat,
		SessionTimeout:         sessionTimeout,
		RebalanceTimeout:       sessionTimeout,
		JoinGroupBackoff:       200 * time.Millisecond, // the default of 5 s is what a first start would wait
		WatchPartitionChanges:  true,                   // a new source brings new lanes
		PartitionWatchInterval: 2 * time.Second,
	})
	if err != nil {
		return err
	}
	defer group.Close()
	for {
		generation, err := group.Next(ctx)
		if errors.Is(err, kafka.ErrGroupClosed) || ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			a.logger.Debug("shares of the lanes", "error", err)
			if err := a.trouble(err); errors.Is(err, ErrFatal) {
				return err
			}
			continue // the group tries again by itself
		}
		_ = a.trouble(nil)
		shares := map[string][]int{}
		for topic, partitions := range generation.Assignments {
			for _, p := range partitions {
				shares[topic] = append(shares[topic], p.ID)
			}
		}
		a.apply(shares)
	}
}

// stickyBalancer gives each process an equal share of every topic that it reads, and leaves it what it already has.
type stickyBalancer struct{ owned func() map[string][]int }

func (stickyBalancer) ProtocolName() string { return "imglish-sticky" }

func (b stickyBalancer) UserData() ([]byte, error) { return json.Marshal(b.owned()) }

func (stickyBalancer) AssignGroups(members []kafka.GroupMember, partitions []kafka.Partition) kafka.GroupMemberAssignments {
	members = slices.SortedFunc(slices.Values(members), func(a, b kafka.GroupMember) int { return cmp.Compare(a.ID, b.ID) })
	topics := map[string][]int{}
	for _, p := range partitions {
		topics[p.Topic] = append(topics[p.Topic], p.ID)
	}
	out, load := kafka.GroupMemberAssignments{}, map[string]int{}
	had := map[string]map[string][]int{}
	for _, m := range members {
		out[m.ID] = map[string][]int{}
		var h map[string][]int
		if json.Unmarshal(m.UserData, &h) == nil {
			had[m.ID] = h
		}
	}
	for _, topic := range names(topics) {
		var readers []string
		for _, m := range members {
			if contains(m.Topics, topic) {
				readers = append(readers, m.ID)
			}
		}
		if len(readers) == 0 {
			continue
		}
		free := map[int]bool{}
		for _, p := range topics[topic] {
			free[p] = true
		}
		give := func(member string, p int) {
			delete(free, p)
			out[member][topic] = append(out[member][topic], p)
			load[member]++
		}
		fair, extra := len(free)/len(readers), len(free)%len(readers)
		for _, m := range readers {
			for _, p := range had[m][topic] {
				switch n := len(out[m][topic]); {
				case !free[p] || n > fair || n == fair && extra == 0:
					continue
				case n == fair:
					extra--
				}
				give(m, p)
			}
		}
		for _, p := range slices.Sorted(slices.Values(topics[topic])) {
			if free[p] {
				give(slices.MinFunc(readers, func(a, b string) int {
					return cmp.Or(cmp.Compare(len(out[a][topic]), len(out[b][topic])), cmp.Compare(load[a], load[b]), cmp.Compare(a, b))
				}), p)
			}
		}
	}
	return out
}
