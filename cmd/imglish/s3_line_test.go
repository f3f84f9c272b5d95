package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/gc"
	"github.com/imglish/imglish/store/s3test"
	"github.com/imglish/imglish/store/shards"
)

// calmLine is the demo's line in a folder, undisturbed.
type calmLine struct {
	dir    string
	port   int
	took   time.Duration
	graph  []byte
	shards map[string]string // SHA-256 by key
}

// onS3 writes the graph file of the same line into another data folder, with the store elsewhere.
func (c *calmLine) onS3(t *testing.T, dir, store string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "graph.yaml"), fmt.Appendf(c.graph, "\nstore: {%s}\n", store), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLineOnS3(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program a dozen times")
	}
	s3test.Start(t).Stop() // skips where there is none
	c := &calmLine{dir: filepath.Join(t.TempDir(), "calm"), port: freePort(t)}
	start := time.Now()
	if out, err := demoLine(c.dir, c.port).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c.took = time.Since(start)
	var err error
	if c.graph, err = os.ReadFile(filepath.Join(c.dir, "graph.yaml")); err != nil {
		t.Fatal(err)
	}
	if c.shards = shardHashes(t, c.dir); len(c.shards) < 4 {
		t.Fatalf("the undisturbed line wrote %d shards", len(c.shards))
	}
	t.Run("killed", c.killed)
	t.Run("outage", c.outage)
}

// The demo's line with its store on a real S3 server, through a line that loses answers and between kills, has the
// shards of a line in a folder that nobody disturbed, byte for byte. What reads shards reads them there too, and nothing
// that any of the programs says shows the secret key.
func (c *calmLine) killed(t *testing.T) {
	server := s3test.StartTLS(t)
	seed := uint64(time.Now().UnixNano())
	calm := c.dir
	var said bytes.Buffer // by all programs
	run := func(cmd *exec.Cmd) []byte {
		t.Helper()
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		said.Write(out.Bytes())
		said.Write(errs.Bytes())
		if err != nil {
			t.Fatalf("seed %d: %v: %v\n%s%s", seed, cmd.Args[1:], err, out.Bytes(), errs.Bytes())
		}
		return out.Bytes()
	}
	onS3 := func(cmd *exec.Cmd) *exec.Cmd {
		cmd.Env = append(cmd.Env, server.Environ()...)
		return cmd
	}
	const kills = 6
	within, set, rough, cut := c.took/4, "", "", 0 // all six are less than the work takes
	for r := rand.New(rand.NewPCG(seed, 0)); cut < kills/2; within /= 2 {
		set, rough = fmt.Sprintf("data/set%d", within), filepath.Join(t.TempDir(), "rough")
		c.onS3(t, rough, fmt.Sprintf("url: s3://%s/%s, endpoint: %q, ca: %q", s3test.Bucket, set, server.Endpoint, server.CA))
		var text []byte
		cut, text = killAtRandom(t, seed, r, kills, within, func() *exec.Cmd { return onS3(demoLine(rough, c.port)) })
		said.Write(text)
	}
	where := server.URL(set, "")
	run(onS3(demoLine(rough, c.port)))

	st, err := store.Open(where, store.WithEnv(server.Getenv))
	if err != nil {
		t.Fatal(err)
	}
	got := storedHashes(t, st)
	if diff := cmp.Diff(c.shards, got); diff != "" {
		t.Errorf("seed %d: shards behind %d kills differ (-folder +S3):\n%s", seed, cut, diff)
	}
	for _, name := range []string{"blobs", "image", "text", "pair", "dropped", "commits", "fetched"} {
		if _, err := os.Stat(filepath.Join(rough, name)); !os.IsNotExist(err) {
			t.Errorf("%s is in the data folder although the store is on S3 (%v)", name, err)
		}
	}

	// The readers, there and here.
	run(onS3(self("shards", "verify", where)))
	run(onS3(self("shards", "manifest", where)))
	if !bytes.Contains(run(onS3(self("audit", where))), []byte("s3://"+s3test.Bucket+"/"+set)) {
		t.Error("audit does not say where it looked")
	}
	mix := []string{"--seed", "3", "--steps", "2", "--images", "3", "--texts", "3", "--pairs", "5", "--lineage"}
	here, there := run(self(append([]string{"mix", calm}, mix...)...)), run(onS3(self(append([]string{"mix", where}, mix...)...)))
	if !bytes.Equal(here, there) || len(here) == 0 {
		t.Errorf("mix gives other rows from S3:\n%s\nthan from the folder:\n%s", there, here)
	}
	losses := func(out []byte) (l []float64) {
		for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
			var step struct{ Loss float64 }
			if err := dec.Decode(&step); err != nil {
				t.Fatal(err)
			}
			l = append(l, step.Loss)
		}
		return l
	}
	train := []string{"--steps", "2", "--json"}
	a := losses(run(self(append([]string{"train", filepath.Join(calm, "graph.yaml")}, train...)...)))
	b := losses(run(onS3(self(append([]string{"train", filepath.Join(rough, "graph.yaml")}, train...)...))))
	if len(a) != 2 || !cmp.Equal(a, b) {
		t.Errorf("losses %v from the folder, %v from S3", a, b)
	}
	run(onS3(self("doctor", "--data", rough, "--store", where)))

	// What the kills have left goes, and an upload of somebody who never finished it.
	core := server.Client()
	if _, err := core.NewMultipartUpload(t.Context(), s3test.Bucket, set+"/image/half", minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	var freed gc.Report
	if err := json.Unmarshal(run(onS3(self("gc", where, "--grace", "0s", "--yes", "--json"))), &freed); err != nil {
		t.Fatal(err)
	}
	if freed.Free[gc.Uploads].Objects != 1 || len(server.Uploads()) != 0 {
		t.Errorf("gc freed %+v, uploads left: %q", freed.Free, server.Uploads())
	}
	t.Logf("gc freed %+v", freed.Free)
	if diff := cmp.Diff(c.shards, storedHashes(t, st)); diff != "" {
		t.Errorf("gc changed the shards that count (-before +behind):\n%s", diff)
	}
	run(onS3(self("shards", "verify", where)))
	run(onS3(self("plan", filepath.Join(rough, "graph.yaml"))))

	// A wrong key is one line with a hint, and the exit code is 1.
	wrong := self("run", filepath.Join(rough, "graph.yaml"))
	wrong.Env = append(wrong.Env, "AWS_ACCESS_KEY_ID="+s3test.AccessKey, "AWS_SECRET_ACCESS_KEY=wrong"+s3test.SecretKey)
	out, err := wrong.CombinedOutput()
	said.Write(out)
	if err == nil || wrong.ProcessState.ExitCode() != exitError || !bytes.Contains(out, []byte("SignatureDoesNotMatch")) || !bytes.Contains(out, []byte("hint: ")) {
		t.Errorf("run with a wrong key: %v\n%s", err, out)
	}
	if strings.Contains(said.String(), s3test.SecretKey) {
		t.Error("the secret key is in what the programs say")
	}
	t.Logf("%d kills, %d shards, an undisturbed run in a folder takes %s", cut, len(got), c.took.Round(time.Millisecond))
}

// storedHashes maps each Parquet file that a commit of a store names to its SHA-256.
func storedHashes(t *testing.T, st store.Store) map[string]string {
	t.Helper()
	set, err := shards.In(st).Load(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, c := range set.Commits {
		for _, f := range c.Files {
			data, err := st.Get(t.Context(), f.Key)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(data)
			out[f.Key] = hex.EncodeToString(sum[:])
		}
	}
	return out
}

// The server goes away under a running line and comes back: the line waits, says so, and no sample is skipped for it.
func (c *calmLine) outage(t *testing.T) {
	server := s3test.Start(t)
	proxy := server.Proxy(t)
	other := filepath.Join(t.TempDir(), "line")
	c.onS3(t, other, fmt.Sprintf("url: s3://%s/set, endpoint: %q", s3test.Bucket, proxy.Endpoint))
	// Once it is at work, its requests wait for the outage: it cannot be through before.
	puts, atWork, away := 0, make(chan struct{}), make(chan struct{})
	proxy.Inject(func(r *http.Request) s3test.Fault {
		if r.Method == http.MethodPut {
			if puts++; puts == 40 {
				close(atWork)
			}
		}
		if puts < 40 {
			return nil
		}
		return func(_ *s3test.Proxy, _ http.ResponseWriter, r *http.Request) {
			select {
			case <-away:
			case <-r.Context().Done():
			}
			panic(http.ErrAbortHandler)
		}
	})
	cmd := demoLine(other, c.port)
	cmd.Env = append(cmd.Env, server.Environ()...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	hangs := time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Kill() })
	defer hangs.Stop()
	select {
	case <-atWork:
	case err := <-done:
		t.Fatalf("the line ended early: %v\n%s", err, out.String())
	}
	server.Stop()
	close(away)
	proxy.Inject(nil)
	time.Sleep(4 * time.Second)
	server.Restart()
	if err := <-done; err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	st, err := store.Open(server.URL("set", ""), store.WithEnv(server.Getenv))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.shards, storedHashes(t, st)); diff != "" { // dropped/ is among them
		t.Errorf("shards differ (-folder +S3 with an outage):\n%s", diff)
	}
	if !strings.Contains(out.String(), "trying again") {
		t.Errorf("the line does not say that it waits:\n%s", out.String())
	}
}
