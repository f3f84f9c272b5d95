package broker

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Options are what a broker may be told. The zero value is a line's.
type Options struct {
	// Unsynced acknowledges what a loss of power may take. Comparisons use it; a line never does.
	Unsynced bool
}

// Broker runs until it is closed.
type Broker struct {
	dir      string
	sync     func(*os.File) error // nil: not at all
	control  *kfake.Cluster       // topics, groups and saved offsets
	back     *backListener        // through which it is reached
	listener net.Listener

	mu     sync.Mutex
	topics map[string]*topic
	conns  map[net.Conn]struct{}
	closed bool
	ending chan struct{} // closed with it
	served sync.WaitGroup
}

// topic is what the broker knows of one that has been asked for.
type topic struct {
	name string
	id   [16]byte // another one behind a deletion
	dir  string

	mu         sync.Mutex
	partitions map[int32]*partition
	limits     limits
}

// limits are a topic's settings as far as records go, in bytes. The defaults are Kafka's.
type limits struct{ batch, segment, retention int64 }

const (
	// MaxBatch bounds a batch: a topic's max.message.bytes may be less.
	MaxBatch        = 4 << 20
	defaultSegment  = 1 << 30
	defaultKeep     = -1
	recordsFolder   = "records"
	controlFolder   = "control"
	offsetRetention = "5256000" // minutes, ten years: a line may rest for longer than a week
)

// offered are the versions of Kafka's requests that are offered. Where it is not -1, a bound of ours: Produce, Fetch and
// ListOffsets are answered here, in the versions before names give way to ids.
var offered = map[int16]int16{
	keyProduce: 8, keyFetch: 11, keyListOffsets: 5,
	3: -1, 18: -1, 60: -1, // metadata, versions, cluster
	8: -1, 9: -1, 10: -1, 11: -1, 12: -1, 13: -1, 14: -1, 15: -1, 16: -1, 42: -1, 47: -1, // groups and their offsets
	19: -1, 20: -1, 32: -1, 33: -1, 37: -1, 44: -1, // topics and their settings
}

// changesTopics are the requests behind which topics may have gone or have other settings.
var changesTopics = map[int16]bool{20: true, 33: true, 37: true, 44: true}

// Open reads what is in a folder, which is made if it is missing, and begins to listen on loopback.
func Open(dir string, o Options) (*Broker, error) {
	if o.Unsynced {
		return open(dir, nil)
	}
	return open(dir, (*os.File).Sync)
}

func open(dir string, sync func(*os.File) error) (*Broker, error) {
	b := &Broker{
		dir: dir, sync: sync, back: newBackListener(),
		topics: map[string]*topic{}, conns: map[net.Conn]struct{}{}, ending: make(chan struct{}),
	}
	if err := b.start(); err != nil {
		return nil, err
	}
	return b, nil
}

func (b *Broker) start() error {
	for _, name := range []string{recordsFolder, controlFolder} {
		if err := os.MkdirAll(filepath.Join(b.dir, name), 0o755); err != nil {
			return err
		}
	}
	var err error
	if b.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	b.back.addr = b.listener.Addr()
	stable, versions := kversion.Stable(), &kversion.Versions{}
	for key, bound := range offered {
		if bound < 0 {
			bound, _ = stable.LookupMaxKeyVersion(key)
		}
		versions.SetMaxKeyVersion(key, bound)
	}
	options := []kfake.Opt{
		kfake.NumBrokers(1), kfake.DataDir(filepath.Join(b.dir, controlFolder)), kfake.MaxVersions(versions),
		kfake.GroupMinSessionTimeout(time.Second),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return b.back, nil }),
		kfake.BrokerConfigs(map[string]string{
			"message.max.bytes": strconv.Itoa(MaxBatch), "offsets.retention.minutes": offsetRetention,
		}),
	}
	if b.sync != nil {
		options = append(options, kfake.SyncWrites())
	}
	if b.control, err = kfake.NewCluster(options...); err != nil {
		b.listener.Close()
		return fmt.Errorf("open the topics in %s: %w", filepath.Join(b.dir, controlFolder), err)
	}
	if err := errors.Join(b.sweep(), b.syncNames()); err != nil {
		b.listener.Close()
		b.control.Close()
		return err
	}
	b.served.Go(b.accept)
	return nil
}

// Address is where it listens, host:port.
func (b *Broker) Address() string { return b.listener.Addr().String() }

// syncNames makes the names of the topics' file and of the folders durable: kfake syncs files, but not their folder.
func (b *Broker) syncNames() error {
	if b.sync == nil {
		return nil
	}
	return syncDirs(b.sync, filepath.Join(b.dir, controlFolder), b.dir)
}

// sweep removes the records of topics that are gone.
func (b *Broker) sweep() error {
	root := filepath.Join(b.dir, recordsFolder)
	folders, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range folders {
		n := len(f.Name()) - 1 - 2*len(topic{}.id)
		if n < 1 || f.Name()[n] != '@' {
			continue // not ours
		}
		if t := b.control.TopicInfo(f.Name()[:n]); t == nil || topicFolder(t) != f.Name() {
			errs = append(errs, os.RemoveAll(filepath.Join(root, f.Name())))
		}
	}
	return errors.Join(errs...)
}

func topicFolder(t *kfake.TopicInfo) string { return t.Topic + "@" + hex.EncodeToString(t.TopicID[:]) }

// topic finds one by name; nil if there is none.
func (b *Broker) topic(name string) *topic {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topics[name]
	if t == nil && !b.closed {
		info := b.control.TopicInfo(name)
		if info == nil {
			return nil
		}
		t = &topic{
			name: name, id: info.TopicID, partitions: map[int32]*partition{}, limits: limitsOf(info),
			dir: filepath.Join(b.dir, recordsFolder, topicFolder(info)),
		}
		b.topics[name] = t
	}
	return t
}

func limitsOf(info *kfake.TopicInfo) limits {
	setting := func(name string, otherwise int64) int64 {
		if v := info.Configs[name]; v != nil {
			if n, err := strconv.ParseInt(*v, 10, 64); err == nil {
				return n
			}
		}
		return otherwise
	}
	return limits{
		batch:     min(MaxBatch, setting("max.message.bytes", MaxBatch)),
		segment:   setting("segment.bytes", defaultSegment),
		retention: setting("retention.bytes", defaultKeep),
	}
}

// partition opens one when it is first asked for; nil if there is none.
func (b *Broker) partition(t *topic, number int32) (*partition, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.partitions[number]; p != nil {
		return p, nil
	}
	if b.control.PartitionInfo(t.name, number) == nil {
		return nil, nil
	}
	p, err := openPartition(filepath.Join(t.dir, strconv.Itoa(int(number))), b.sync)
	if err == nil {
		err = b.syncNames() // the topic's own name
	}
	if err != nil {
		return nil, err
	}
	t.partitions[number] = p
	return p, nil
}

func (t *topic) settings() limits {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.limits
}

// known lists the topics that have been asked for.
func (b *Broker) known() []*topic {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*topic
	for _, t := range b.topics {
		out = append(out, t)
	}
	return out
}

// reload looks at the topics again.
func (b *Broker) reload() {
	for _, t := range b.known() {
		info := b.control.TopicInfo(t.name)
		if info != nil && info.TopicID == t.id {
			t.mu.Lock()
			t.limits = limitsOf(info)
			t.mu.Unlock()
			continue
		}
		b.mu.Lock()
		delete(b.topics, t.name)
		b.mu.Unlock()
		t.close()
	}
	_ = b.sweep() // what stays, the next start removes
}

// Expire removes what topics hold beyond their retention.bytes. The caller does it often: lanes may write hundreds of MiB
// a second.
func (b *Broker) Expire() {
	for _, t := range b.known() {
		t.mu.Lock()
		if t.limits.retention >= 0 {
			for _, p := range t.partitions {
				p.expire(t.limits.retention)
			}
		}
		t.mu.Unlock()
	}
}

func (t *topic) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.partitions {
		p.close()
	}
}

// Close ends all connections and the broker. What was acknowledged is there when it is opened again.
func (b *Broker) Close() {
	b.mu.Lock()
	b.closed = true
	close(b.ending)
	b.listener.Close()
	for c := range b.conns {
		c.Close()
	}
	b.mu.Unlock()
	b.served.Wait()
	b.control.Close()
	for _, t := range b.known() {
		t.close()
	}
}
