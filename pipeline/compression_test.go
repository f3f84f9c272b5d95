package pipeline

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"

	"github.com/imglish/imglish/pipeline/kafkatest"
)

// prose is some MB of English without repetition: the comments of Go's own sources.
func prose(tb testing.TB, size int) []byte {
	tb.Helper()
	var out bytes.Buffer
	err := filepath.WalkDir(filepath.Join(runtime.GOROOT(), "src"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || out.Len() > size {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			if text, ok := strings.CutPrefix(strings.TrimSpace(s.Text()), "// "); ok && strings.Count(text, " ") > 5 && !strings.HasPrefix(text, "Copyright") {
				out.WriteString(text)
				out.WriteByte(' ')
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// views are JPEGs of 224 px, quality 95, of places of a photo-like picture, so that no two are equal.
func views(tb testing.TB, n int) [][]byte {
	tb.Helper()
	f, err := os.Open(filepath.Join("..", "pixels", "testdata", "v-444.jpg"))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	img, err := jpeg.Decode(f)
	if err != nil {
		tb.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	var out [][]byte
	for range n {
		p := img.Bounds().Size()
		at := image.Pt(r.IntN(p.X-224), r.IntN(p.Y-224))
		var b bytes.Buffer
		part := img.(interface {
			SubImage(image.Rectangle) image.Image
		}).SubImage(image.Rectangle{at, at.Add(image.Pt(224, 224))})
		if err := jpeg.Encode(&b, part, &jpeg.Options{Quality: 95}); err != nil {
			tb.Fatal(err)
		}
		out = append(out, b.Bytes())
	}
	return out
}

// laneRecords are records of a sort, about size bytes in all, in requests of maxRequest at most.
func laneRecords(tb testing.TB, sort string, size int) (requests [][][]byte) {
	r := rand.New(rand.NewPCG(2, 2))
	text := prose(tb, 12<<20)
	var pictures [][]byte
	if sort == "view" {
		pictures = views(tb, 64)
	}
	at := 0
	words := func(n int) string {
		if at+n > len(text) {
			at = 0
		}
		at += n
		return strings.ToValidUTF8(string(text[at-n:at]), "")
	}
	line, writer := make([]byte, 16), make([]byte, 16)
	var request [][]byte
	inRequest, total := 0, 0
	for seq := uint64(0); total < size; seq++ {
		s := &Sample{
			Id: SampleID(sort, strconv.FormatUint(seq, 10), "1"), Kind: Kind_PAIR,
			Source: &Origin{Dataset: "cc12m", Key: strconv.FormatUint(seq*173, 10), Revision: "sha256:7d0f1c", Url: fmt.Sprintf("https://images%d.example.org/photos/%016x/large-%d.jpg", seq%40, r.Uint64(), r.IntN(1e6))},
		}
		switch sort {
		case "reference":
			s.Parts = []*Part{{Text: words(60 + r.IntN(60))}}
		case "text":
			s.Kind, s.Parts = Kind_TEXT, []*Part{{Text: words(1000 + r.IntN(8000))}}
		case "view":
			s.Parts = []*Part{{Text: words(60 + r.IntN(60))}}
			p := bytes.Clone(pictures[int(seq)%len(pictures)])
			// The scan's bytes are as good as random: other ones make another picture of the same entropy.
			for i := len(p) / 8; i < len(p)-2; i++ {
				p[i] ^= byte(seq * 131)
			}
			s.Views = []*View{{Encoded: p}}
		}
		rec := &Record{Schema: RecordSchema, Line: line, Writer: writer, Seq: seq, InputOffset: int64(seq), InputWriter: writer}
		rec.setOutcome(Keep(s))
		v, err := proto.Marshal(rec)
		if err != nil {
			tb.Fatal(err)
		}
		if inRequest+len(v) > maxRequest || len(request) == 256 {
			requests, request, inRequest = append(requests, request), nil, 0
		}
		request, inRequest, total = append(request, v), inRequest+len(v), total+len(v)
	}
	return append(requests, request)
}

// counted counts the bytes that go to the broker.
type counted struct {
	net.Conn
	sent *atomic.Int64
}

func (c counted) Write(p []byte) (int, error) { c.sent.Add(int64(len(p))); return c.Conn.Write(p) }

// BenchmarkCompression writes records of each sort to a real broker with each codec, four lanes at once, and reads them
// back. docs/decisions/0005-kafka-go.md has its figures.
func BenchmarkCompression(b *testing.B) {
	c := kafkatest.Start(b, kafkatest.Options{Production: true})
	const lanes, size = 4, 96 << 20
	for _, sort := range []string{"reference", "text", "view"} {
		requests := laneRecords(b, sort, size)
		for _, codec := range []string{"none", "snappy", "lz4", "zstd", "gzip"} {
			b.Run(sort+"/"+codec, func(b *testing.B) {
				var sent atomic.Int64
				cfg := Defaults()
				cfg.Kafka.Brokers, cfg.Kafka.Compression, cfg.Kafka.Replication = c.Addrs(), codec, 1
				cfg.Line = fmt.Sprintf("codec-%s-%s-%d", sort, codec, time.Now().UnixNano())
				cfg.Graph = [][]string{{"source"}, {"sink"}}
				log := newKafkaLog(&cfg, endpoint{brokers: c.Addrs(), dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
					conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
					return counted{conn, &sent}, err
				}})
				defer log.close()
				want := topicWant{name: cfg.topics()[1], partitions: lanes, copies: 1, limit: 1 << 40}
				if err := log.ensureTopics(b.Context(), []topicWant{want}); err != nil {
					b.Fatal(err)
				}
				for lane := range lanes { // a fresh topic's leaders take a moment
					for _, _, err := log.ends(b.Context(), want.name, lane); err != nil && b.Context().Err() == nil; _, _, err = log.ends(b.Context(), want.name, lane) {
						time.Sleep(50 * time.Millisecond)
					}
				}
				for b.Loop() {
					measureCodec(b, c, log, want.name, requests, lanes, size, &sent)
				}
				_, _ = log.client.DeleteTopics(b.Context(), &kafka.DeleteTopicsRequest{Topics: []string{want.name}})
			})
		}
	}
}

func measureCodec(b *testing.B, c *kafkatest.Cluster, log *kafkaLog, topic string, requests [][][]byte, lanes, size int, sent *atomic.Int64) {
	sent.Store(0)
	cpu, broker, start := ownCPU(b), processCPU(b, c.PID(0)), time.Now()
	inLanes(b, lanes, func(lane int) error {
		for i := lane; i < len(requests); i += lanes {
			if _, err := log.write(b.Context(), topic, lane, whole(requests[i]...)); err != nil {
				return err
			}
		}
		return nil
	})
	wrote, wroteCPU := time.Since(start), ownCPU(b)-cpu
	cpu, start = ownCPU(b), time.Now()
	inLanes(b, lanes, func(lane int) error {
		for at := int64(0); ; {
			c, err := log.read(b.Context(), topic, lane, at, 0)
			if err != nil || at >= c.end {
				return err
			}
			if n := len(c.entries); n > 0 {
				at = c.entries[n-1].offset + 1
			}
		}
	})
	mb := float64(size) / (1 << 20)
	b.ReportMetric(mb/wrote.Seconds(), "write-MiB/s")
	b.ReportMetric(wroteCPU.Seconds()/mb*1000, "write-cpu-ms/MiB")
	b.ReportMetric(mb/time.Since(start).Seconds(), "read-MiB/s")
	b.ReportMetric((ownCPU(b)-cpu).Seconds()/mb*1000, "read-cpu-ms/MiB")
	b.ReportMetric((processCPU(b, c.PID(0))-broker).Seconds()/mb*1000, "broker-cpu-ms/MiB")
	b.ReportMetric(100*float64(sent.Load())/float64(size), "%bytes")
}

func inLanes(b *testing.B, lanes int, f func(lane int) error) {
	errs := make(chan error, lanes)
	for lane := range lanes {
		go func() { errs <- f(lane) }()
	}
	for range lanes {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
}

// ownCPU is the processor time of this process.
func ownCPU(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// processCPU is the processor time of another process, from /proc, in ticks of 10 ms; 0 where there is no /proc.
func processCPU(b *testing.B, pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err1 != nil || err2 != nil {
		b.Fatal(err1, err2)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}
