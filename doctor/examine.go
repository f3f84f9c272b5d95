package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Level says how a finding bears on the work.
type Level string

const (
	OK      Level = "ok"
	Missing Level = "missing" // something optional is not there; Advice says what it is for
	Bad     Level = "bad"     // imglish cannot do its work like this
)

// Finding is what was found about one thing.
type Finding struct {
	What   string `json:"what"`
	Level  Level  `json:"level"`
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"`
}

// Config says what to look at.
type Config struct {
	Data     string   // the data folder; need not exist yet
	Brokers  []string // Kafka brokers; empty means the embedded broker
	StoreURL string   // empty means the data folder
	// TryStore writes, reads and removes an object of a store that is no folder, and says what it found. Its error may
	// have a Hint method.
	TryStore   func(ctx context.Context, where string) (found string, err error)
	Libraries  map[string]string // name and version of each linked library, "" for one that is not linked
	Processor  string            // the name of the compute backend that would be chosen
	NeedMemory int64             // bytes; 0 means the default of 2 GiB
	NeedDisk   int64             // bytes; 0 means the default of 2 GiB
}

// What a line of moderate size needs: the embedded log is kept under 300 MB, decoding and batches stay under 1 GB.
const defaultNeed = 2 << 30

// libraryAdvice says what each optional library is for.
var libraryAdvice = map[string]string{
	"tokenizers": "tokenizer.json files cannot be read; install cargo and run make build (needs Rust 1.78 or newer)",
	"libvips":    "install libvips-dev and build again",
	"libjpeg":    "install libjpeg62-turbo-dev and build again",
}

// Examine looks at the machine. The findings come in a fixed order.
func Examine(ctx context.Context, cfg Config) []Finding {
	if cfg.NeedMemory == 0 {
		cfg.NeedMemory = defaultNeed
	}
	if cfg.NeedDisk == 0 {
		cfg.NeedDisk = defaultNeed
	}
	var out []Finding
	for _, name := range []string{"libjpeg", "libvips", "tokenizers"} {
		out = append(out, library(name, cfg.Libraries[name]))
	}
	out = append(out, Finding{What: "processor", Level: OK,
		Found: fmt.Sprintf("%d cores, %s", runtime.NumCPU(), cfg.Processor)})
	out = append(out, device(ctx), memory(cfg.NeedMemory), disk(cfg.Data, cfg.NeedDisk), folder(ctx, cfg))
	return append(out, brokers(ctx, cfg.Brokers)...)
}

func library(name, version string) Finding {
	if version == "" {
		return Finding{What: name, Level: Missing, Found: "not built in", Advice: libraryAdvice[name]}
	}
	return Finding{What: name, Level: OK, Found: version}
}

// device asks the driver's own tool, so that no CUDA library need be linked to answer.
func device(ctx context.Context) Finding {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader").Output()
	if err != nil {
		return Finding{What: "device", Level: Missing, Found: "no GPU driver answers",
			Advice: "training and tokenizing run on the processor"}
	}
	return Finding{What: "device", Level: OK, Found: strings.TrimSpace(string(out)),
		Advice: "this release computes on the processor only"}
}

func memory(need int64) Finding {
	free, err := availableMemory()
	if err != nil {
		return Finding{What: "memory", Level: Missing, Found: err.Error(), Advice: "the free memory is not known here"}
	}
	f := Finding{What: "memory", Level: OK, Found: fmt.Sprintf("%.1f GiB free", gib(free))}
	if free < need {
		f.Level = Bad
		f.Advice = fmt.Sprintf("about %.1f GiB are needed; end other programs or lower concurrency", gib(need))
	}
	return f
}

func availableMemory() (int64, error) {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("read free memory: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("read free memory: no MemAvailable in /proc/meminfo")
}

func disk(data string, need int64) Finding {
	dir := existingParent(data)
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return Finding{What: "disk", Level: Bad, Found: fmt.Sprintf("statfs %s: %v", dir, err)}
	}
	free := int64(st.Bavail) * st.Bsize
	f := Finding{What: "disk", Level: OK, Found: fmt.Sprintf("%.1f GiB free at %s", gib(free), dir)}
	if free < need {
		f.Level = Bad
		f.Advice = fmt.Sprintf("about %.1f GiB are needed; free some, or set data: to another disk", gib(need))
	}
	return f
}

// folder proves that files can be made and synced where the data goes.
func folder(ctx context.Context, cfg Config) Finding {
	if strings.Contains(cfg.StoreURL, "://") && !strings.HasPrefix(cfg.StoreURL, "file://") {
		return remote(ctx, cfg)
	}
	dir := existingParent(cfg.Data)
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err == nil {
		defer os.Remove(f.Name())
		err = f.Sync()
		f.Close()
	}
	if err != nil {
		return Finding{What: "store", Level: Bad, Found: err.Error(), Advice: "make the folder writable, or set data: to another one"}
	}
	return Finding{What: "store", Level: OK, Found: "folder " + cfg.Data + " can be written and synced"}
}

func remote(ctx context.Context, cfg Config) Finding {
	if cfg.TryStore == nil {
		return Finding{What: "store", Level: Missing, Found: "not a folder", Advice: "only folders can be tried from here"}
	}
	found, err := cfg.TryStore(ctx, cfg.StoreURL)
	if err == nil {
		return Finding{What: "store", Level: OK, Found: found}
	}
	f := Finding{What: "store", Level: Bad, Found: err.Error(), Advice: "correct the store's URL and settings"}
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) && hinted.Hint() != "" {
		f.Advice = hinted.Hint()
	}
	return f
}

func brokers(ctx context.Context, addrs []string) []Finding {
	if len(addrs) == 0 {
		return []Finding{{What: "broker", Level: OK, Found: "embedded, in the data folder"}}
	}
	var out []Finding
	dialer := net.Dialer{Timeout: 3 * time.Second}
	for _, addr := range addrs {
		conn, err := dialer.DialContext(ctx, "tcp", addr)
		if err != nil {
			out = append(out, Finding{What: "broker", Level: Bad, Found: err.Error(),
				Advice: "start Kafka there, or correct kafka.brokers"})
			continue
		}
		conn.Close()
		out = append(out, Finding{What: "broker", Level: OK, Found: addr + " answers"})
	}
	return out
}

// existingParent is the nearest folder on the way to dir that exists.
func existingParent(dir string) string {
	for {
		if st, err := os.Stat(dir); err == nil && st.IsDir() {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir || dir == "" {
			return "."
		}
		dir = parent
	}
}

func gib(n int64) float64 { return float64(n) / (1 << 30) }
