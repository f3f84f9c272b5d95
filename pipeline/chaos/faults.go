package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/imglish/imglish/pipeline/kafkatest"
)

// faults is the schedule. What happens and when is drawn from the seed, a generator for each kind of fault; when
// processes come to it is the machine's matter, so two runs of one seed are alike, not equal.
type faults struct {
	seed   uint64
	kills  int // of each stage
	fleet  *fleet
	proxy  *proxy
	broker *kafkatest.Cluster
	client *kafka.Client // past the proxy
	tails  *tails
	gate   gate
	topics []string // behind the stages, in order
	errors io.Writer

	freezes, cuts, restarts, rewinds atomic.Int64
}

func (f *faults) rand(kind uint64) *rand.Rand { return rand.New(rand.NewPCG(f.seed, kind)) }

// share of the faults that have been made, 0 to 1.
func (f *faults) share() float64 {
	if f.kills == 0 {
		return 1
	}
	done, _, _ := f.fleet.counts()
	sum := 0
	for _, n := range done {
		sum += min(n, f.kills)
	}
	return float64(sum) / float64(f.kills*len(chain))
}

// run makes all faults, and opens the gate of the sources as they are made.
func (f *faults) run(ctx context.Context) error {
	if f.kills == 0 {
		return f.gate.open(1)
	}
	background, stop := context.WithCancel(ctx)
	var beside, stages sync.WaitGroup
	for i, s := range chain {
		stages.Go(func() { f.killStage(ctx, i, s) })
	}
	beside.Go(func() { f.breakNetwork(background) })
	beside.Go(func() { f.restartBroker(background) })
	beside.Go(func() { f.rewindPositions(background) })
	err := f.openGate(ctx, &stages)
	stop()
	beside.Wait()
	return errors.Join(err, f.gate.open(1))
}

// openGate lets rows through as faults are made, a few ahead and without haste, so that records flow at every moment.
func (f *faults) openGate(ctx context.Context, stages *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() { stages.Wait(); close(done) }()
	const tick, slowly = 50 * time.Millisecond, 5 * time.Second
	ahead, open := 1/float64(f.kills+1), 0.0
	for {
		open += (ahead + f.share()*(1-2*ahead) - open) * float64(tick) / float64(slowly)
		if err := f.gate.open(open); err != nil {
			return err
		}
		select {
		case <-done:
			if ctx.Err() != nil || f.enough() {
				return ctx.Err()
			}
		default:
		}
		pause(ctx, tick)
	}
}

// enough says whether every kind of fault was made, which a short run may have to wait for.
func (f *faults) enough() bool {
	return f.freezes.Load() > 0 && f.cuts.Load() >= 3 && f.restarts.Load() > 0 && f.rewinds.Load() > 0
}

// killStage kills a stage's processes one after the other: some while they start, join or resume, most a moment after
// they have begun to move records. Some are stopped instead, for longer than a session of the group, and wake up again.
func (f *faults) killStage(ctx context.Context, number int, stage string) {
	r := f.rand(uint64(number))
	freeze := map[int]bool{r.IntN(f.kills): true} // at which kills a process is stopped
	for range f.kills / 20 {
		freeze[r.IntN(f.kills)] = true
	}
	var frozen sync.WaitGroup
	defer frozen.Wait()
	for kill := 0; kill < f.kills && ctx.Err() == nil; kill++ {
		if r.Float64() < .4 && !freeze[kill] {
			pause(ctx, time.Duration(r.Float64()*1500)*time.Millisecond)
		} else {
			f.moved(ctx, number, 15*time.Second)
			if !freeze[kill] { // a zombie is one in the middle of its work
				pause(ctx, time.Duration(r.Float64()*800)*time.Millisecond)
			}
		}
		if freeze[kill] {
			long, which := 7*time.Second+time.Duration(r.Float64()*3000)*time.Millisecond, r.Uint64()
			if wake, ok := f.fleet.freeze(stage, func(n int) int { return int(which % uint64(n)) }); ok {
				frozen.Go(func() {
					pause(ctx, long)
					if wake() {
						f.freezes.Add(1)
					}
				})
				if f.kills < 20 {
					frozen.Wait() // a short run must not kill the sleeper before it has woken up
					f.moved(ctx, number, 5*time.Second)
				}
			}
		}
		which := r.Uint64()
		for !f.fleet.kill(stage, func(n int) int { return int(which % uint64(n)) }) {
			if !pause(ctx, 20*time.Millisecond) {
				return
			}
		}
	}
}

// moved waits until a stage has written something from now on. The sink is watched by what comes to it.
func (f *faults) moved(ctx context.Context, stage int, limit time.Duration) {
	topic := f.topics[min(stage, len(f.topics)-1)]
	before, deadline := f.tails.accepted(topic), time.Now().Add(limit)
	for f.tails.accepted(topic) == before && time.Now().Before(deadline) {
		if !pause(ctx, 20*time.Millisecond) {
			return
		}
	}
}

// breakNetwork breaks workers' connections: at once, behind requests whose answers are lost, or so that requests come in
// late. Half of them stay, so that a zombie may wake up with its connections whole.
func (f *faults) breakNetwork(ctx context.Context) {
	r := f.rand(100)
	for n := 0; pause(ctx, time.Second+time.Duration(r.Float64()*7000)*time.Millisecond); n++ {
		keep := 50*time.Millisecond + time.Duration(r.Float64()*200)*time.Millisecond
		after := time.Duration(r.Float64()*3000) * time.Millisecond
		f.moved(ctx, r.IntN(len(f.topics)), 5*time.Second) // requests are under way
		var some []*link
		for _, l := range f.proxy.every() {
			if r.IntN(2) == 0 {
				some = append(some, l)
			}
		}
		switch n % 3 { // each kind happens also in a short run
		case 0:
			f.proxy.late(some, keep, after)
		case 1:
			f.proxy.loseAnswers(some, keep)
		default:
			f.proxy.cut(some)
		}
		f.cuts.Add(1)
	}
}

// restartBroker kills the broker and starts it again, spread over the kills of the stages.
func (f *faults) restartBroker(ctx context.Context) {
	r := f.rand(101)
	times := max(1, f.kills/20)
	for n := range times {
		at := (float64(n) + r.Float64()) / float64(times) * .95
		for f.share() < at {
			if !pause(ctx, 100*time.Millisecond) {
				return
			}
		}
		if err := f.broker.Kill(0); err != nil {
			f.say("kill the broker: %v", err)
		}
		pause(ctx, time.Duration(r.Float64()*2000)*time.Millisecond)
		// A broker that does not come back stands in everything's way; the run then ends as stuck.
		if err := f.broker.Restart(0); err != nil {
			f.say("restart the broker: %v", err)
			return
		}
		f.restarts.Add(1)
	}
}

// rewindPositions writes positions that were saved some time ago once more, as a process does that was stopped between
// reading and saving.
func (f *faults) rewindPositions(ctx context.Context) {
	r := f.rand(102)
	for pause(ctx, time.Second+time.Duration(r.Float64()*6000)*time.Millisecond) {
		group := lineName + "." + chain[r.IntN(len(chain))]
		want := map[string][]int{}
		for _, t := range f.tails.all {
			want[t.topic] = append(want[t.topic], t.lane)
		}
		res, err := f.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: want})
		if err != nil || res.Error != nil {
			continue // the broker is away
		}
		back := map[string][]kafka.OffsetCommit{}
		for topic, partitions := range res.Topics {
			for _, p := range partitions {
				if p.CommittedOffset > 0 {
					back[topic] = append(back[topic], kafka.OffsetCommit{Partition: p.Partition, Offset: p.CommittedOffset, Metadata: p.Metadata})
				}
			}
		}
		if len(back) == 0 || !pause(ctx, 500*time.Millisecond+time.Duration(r.Float64()*3000)*time.Millisecond) {
			continue
		}
		if _, err := f.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{GroupID: group, GenerationID: -1, Topics: back}); err == nil {
			f.rewinds.Add(1)
		}
	}
}

func (f *faults) say(format string, args ...any) {
	fmt.Fprintf(f.errors, "chaos: "+format+"\n", args...)
}

// pause waits, or returns false when ctx is done.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
