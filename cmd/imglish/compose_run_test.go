package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/imglish/imglish/metrics"
	"github.com/imglish/imglish/pipeline/kafkatest"
	"github.com/imglish/imglish/store/s3test"
)

// service is a process of compose.yaml on this machine.
type service struct {
	name  string
	page  string // http://127.0.0.1:port
	cmd   *exec.Cmd
	out   bytes.Buffer
	ended chan error

	ready, alive bool            // seen
	seen         map[string]bool // names on /metrics
}

// The services of compose.yaml as processes of this machine, by their own command lines: with a real Kafka and a real S3
// server they take the demo's line to its end, and the trainer trains on it until Ctrl-C. What dashboard and alert rules
// ask for is there while they run.
func TestComposeServicesTogether(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Kafka, an S3 server and four processes")
	}
	kafka, s3 := kafkatest.Start(t, kafkatest.Options{}), s3test.Start(t)
	demo, port := filepath.Join(t.TempDir(), "demo"), freePort(t)
	if out, err := demoLine(demo, port).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	servePictures(t, filepath.Join(demo, "data"), port)
	graph, err := os.ReadFile(filepath.Join(demo, "graph.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	graph = regexp.MustCompile(` (data|models)/`).ReplaceAll(graph, []byte(" "+demo+"/$1/"))
	graph = regexp.MustCompile(`steps: \d+`).ReplaceAll(graph, []byte("steps: 1000000"))
	graph = fmt.Appendf(graph, "\nkafka: {brokers: [%q], replication: 1}\nstore: {url: s3://%s/mine, endpoint: %q, region: %s}\n",
		kafka.Addrs()[0], s3test.Bucket, s3.Endpoint, s3test.Region)

	start := func(name string) *service {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		file, address := filepath.Join(dir, "line.yaml"), fmt.Sprintf("127.0.0.1:%d", freePort(t))
		if err := os.WriteFile(file, graph, 0o600); err != nil {
			t.Fatal(err)
		}
		args := slices.Clone([]string(composeProject(t).Services[name].Command))
		for i := range args {
			args[i] = strings.NewReplacer("/line/line.yaml", file, "0.0.0.0:9464", address).Replace(args[i])
		}
		s := &service{name: name, page: "http://" + address, ended: make(chan error, 1), seen: map[string]bool{}}
		cmd := self(args...)
		cmd.Env = append(cmd.Env, s3.Environ()...)
		cmd.Stdout, cmd.Stderr = &s.out, &s.out
		s.run(t, cmd)
		return s
	}
	line := []*service{start("fetch"), start("view"), start("shard")}
	watchAll(t, line...)

	asked := ""
	for _, f := range []string{"prometheus/rules.yml", "grafana/dashboards/imglish.json"} {
		data, err := os.ReadFile(filepath.Join(composeDir, f))
		if err != nil {
			t.Fatal(err)
		}
		asked += string(data)
	}
	var unseen []string
	for _, m := range metrics.All() {
		if !strings.Contains(m.Name, "_embedded_") && regexp.MustCompile(m.Name+`(_bucket|_sum|_count)?\b`).MatchString(asked) &&
			!slices.ContainsFunc(line, func(s *service) bool { return s.seen[m.Name] }) {
			unseen = append(unseen, m.Name)
		}
	}
	train := start("train")
	for deadline := time.After(5 * time.Minute); len(unseen) > 0 || !train.alive || !train.ready; {
		select {
		case err := <-train.ended:
			t.Fatalf("the trainer ended: %v\n%s", err, train.out.String())
		case <-deadline:
			t.Fatalf("the trainer: alive %v, ready %v; no process showed %q, which are asked for", train.alive, train.ready, unseen)
		case <-time.After(50 * time.Millisecond):
		}
		train.look()
		unseen = slices.DeleteFunc(unseen, func(name string) bool { return train.seen[name] })
	}
	if err := train.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := <-train.ended; train.cmd.ProcessState.ExitCode() != exitInterrupted {
		t.Errorf("the trainer behind Ctrl-C: %v\n%s", err, train.out.String())
	}
}

func (s *service) run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	s.cmd = cmd
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		s.ended <- cmd.Wait()
		close(done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
	})
}

// watchAll looks at processes until they end.
func watchAll(t *testing.T, all ...*service) {
	t.Helper()
	var wg sync.WaitGroup
	for _, s := range all {
		wg.Go(func() {
			if err := s.watch(); err != nil {
				t.Errorf("%s: %v, alive %v, ready %v\n%s", s.name, err, s.alive, s.ready, s.out.String())
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// watch looks at a process until it ends, which it must do well, behind having been alive and ready.
func (s *service) watch() error {
	for deadline := time.After(5 * time.Minute); ; {
		select {
		case err := <-s.ended:
			if err == nil && !(s.alive && s.ready) {
				err = errors.New("never well")
			}
			return err
		case <-deadline:
			return errors.New("not done in time")
		case <-time.After(50 * time.Millisecond):
		}
		s.look()
	}
}

// look asks a process's pages once. It may not serve them yet, or not any more.
func (s *service) look() {
	s.alive = s.alive || answers(s.page+"/healthz")
	s.ready = s.ready || answers(s.page+"/readyz")
	res, err := http.Get(s.page + "/metrics")
	if err != nil {
		return
	}
	defer res.Body.Close()
	p := expfmt.NewTextParser(model.LegacyValidation)
	if families, err := p.TextToMetricFamilies(res.Body); err == nil {
		for name := range families {
			s.seen[name] = true
		}
	}
}

func answers(url string) bool {
	res, err := http.Get(url)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// servePictures stands in for the demo's web.
func servePictures(t *testing.T, dir string, port int) {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	web := &http.Server{Handler: http.FileServer(http.Dir(dir))}
	go web.Serve(l)
	t.Cleanup(func() { web.Close() })
}
