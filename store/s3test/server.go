package s3test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"golang.org/x/sys/unix"

	"github.com/imglish/imglish/pipeline/kafkatest"
)

// Keys of every server that this package starts.
const (
	AccessKey = "s3testkey"
	SecretKey = "s3testSECRETdoNOTprint"
	Bucket    = "imglish-test"
	Region    = "us-east-1"
)

// Server is a running S3 server with an empty bucket.
type Server struct {
	Endpoint string // http://127.0.0.1:port, or https
	CA       string // file of the authority's certificate; empty without TLS
	Data     string // the folder in which objects lie as files: Data/Bucket/key
	Pid      int    // of the server's process
	t        testing.TB
	start    func() (*exec.Cmd, *output)
	cmd      *exec.Cmd
}

// Start starts a server that ends with the test.
func Start(t testing.TB) *Server { return start(t, false) }

// StartTLS starts a server whose certificate is signed by an authority that nobody knows but CA.
func StartTLS(t testing.TB) *Server { return start(t, true) }

func start(t testing.TB, secure bool) *Server {
	t.Helper()
	program := find(t)
	// Not t.TempDir: its removal fails the test if a server that is being killed writes a last file.
	dir, err := os.MkdirTemp("", "imglish-s3-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Server{t: t, Data: filepath.Join(dir, "data")}
	for _, sub := range []string{"data", "meta", "iam"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	port, err := kafkatest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	s.Endpoint = "http://" + addr
	args := []string{"--port", addr, "--quiet", "--keep-alive", "--region", Region, "--iam-dir", filepath.Join(dir, "iam"), "--health", "/health"}
	if secure {
		s.Endpoint = "https://" + addr
		s.CA = filepath.Join(dir, "ca.pem")
		cert, key := certificate(t, dir)
		args = append(args, "--cert", cert, "--key", key)
	}
	args = append(args, "posix")
	if unix.Setxattr(s.Data, "user.imglish", []byte("x"), 0) != nil {
		// Metadata in a folder beside the data: then an object and its metadata are not replaced in one step.
		args = append(args, "--sidecar", filepath.Join(dir, "meta"))
	}
	args = append(args, s.Data)
	s.start = func() (*exec.Cmd, *output) {
		cmd, log := exec.Command(program, args...), &output{}
		cmd.Env = []string{"ROOT_ACCESS_KEY=" + AccessKey, "ROOT_SECRET_KEY=" + SecretKey, "PATH=" + os.Getenv("PATH"), "HOME=" + dir}
		cmd.Stdout, cmd.Stderr = log, log
		return cmd, log
	}
	s.Restart()
	t.Cleanup(s.Stop)
	if err := s.Client().MakeBucket(context.Background(), Bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatalf("make the bucket %s: %v", Bucket, err)
	}
	return s
}

// Stop kills the server, as a crash does. Objects stay until the test ends.
func (s *Server) Stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// Restart starts the server on its old address and data, and waits until it answers.
func (s *Server) Restart() {
	s.t.Helper()
	cmd, log := s.start()
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("start the S3 server: %v", err)
	}
	s.cmd, s.Pid = cmd, cmd.Process.Pid
	client := &http.Client{Transport: s.transport(), Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		answer, err := client.Get(s.Endpoint + "/health")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
	}
	s.Stop()
	s.t.Fatalf("the S3 server does not answer at %s:\n%s", s.Endpoint, log.String())
}

// URL is that of a store under a prefix of the bucket, reached through endpoint ("" for the server itself).
func (s *Server) URL(prefix, endpoint string) string {
	if endpoint == "" {
		endpoint = s.Endpoint
	}
	q := url.Values{"endpoint": {endpoint}}
	if s.CA != "" {
		q.Set("ca", s.CA)
	}
	return "s3://" + Bucket + "/" + prefix + "?" + q.Encode()
}

// Getenv is an environment that holds the server's keys and nothing else.
func (s *Server) Getenv(name string) string {
	return map[string]string{"AWS_ACCESS_KEY_ID": AccessKey, "AWS_SECRET_ACCESS_KEY": SecretKey}[name]
}

// Environ is Getenv as a process takes it.
func (s *Server) Environ() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + AccessKey, "AWS_SECRET_ACCESS_KEY=" + SecretKey}
}

// Client reaches the server without store/, to see what is there and to put what should not be.
func (s *Server) Client() *minio.Core {
	s.t.Helper()
	scheme, host, _ := strings.Cut(s.Endpoint, "://")
	c, err := minio.NewCore(host, &minio.Options{Creds: credentials.NewStaticV4(AccessKey, SecretKey, ""),
		Secure: scheme == "https", Region: Region, Transport: s.transport(), BucketLookup: minio.BucketLookupPath})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// Uploads lists the multipart uploads of the bucket that nobody has finished, as keys.
func (s *Server) Uploads() (keys []string) {
	s.t.Helper()
	list, err := s.Client().ListMultipartUploads(context.Background(), Bucket, "", "", "", "", 1000)
	if err != nil {
		s.t.Fatalf("list uploads: %v", err)
	}
	for _, u := range list.Uploads {
		keys = append(keys, u.Key)
	}
	return keys
}

// find is the server's program, or skips the test.
func find(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	program := filepath.Join(dir, ".cache", "s3", "versitygw")
	if _, err := os.Stat(program); err != nil {
		t.Skipf("no S3 server: run build/s3/install.sh .cache/s3 in %s", dir)
	}
	return program
}

// output keeps what a process says.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return fmt.Sprint(o.b.String())
}
