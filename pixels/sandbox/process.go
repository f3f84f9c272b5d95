package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// process is one worker. Only one goroutine uses it at a time.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	err   *tail
	done  int // pictures
	ended chan struct{}
	state error // of Wait, once ended is closed
}

// startTimeout bounds the start of a worker, which takes some 20 ms on an idle machine.
const startTimeout = time.Minute

// start starts a worker and waits for its hello.
func start(c Config) (*process, error) {
	if os.Getenv(mark) != "" {
		return nil, fmt.Errorf("sandbox: a decode worker tried to start another: main does not begin with sandbox.RunIfWorker")
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	cmd := exec.Command(exe, Arg)
	// No secrets, no settings. Two threads are enough to decode and to watch the time.
	cmd.Env = []string{mark + "=1", memoryVar + "=" + strconv.FormatInt(c.Memory, 10), "GOMAXPROCS=2"}
	if v := os.Getenv("GOCOVERDIR"); v != "" {
		cmd.Env = append(cmd.Env, "GOCOVERDIR="+v)
	}
	p := &process{cmd: cmd, err: &tail{}, ended: make(chan struct{})}
	cmd.Stderr = p.err
	if p.in, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	// A pipe of our own: Wait would close StdoutPipe's under a reader.
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		r.Close()
		w.Close()
		return nil, fmt.Errorf("sandbox: start a worker: %w", err)
	}
	w.Close()
	p.out = bufio.NewReaderSize(r, 1<<16)
	go func() {
		p.state = cmd.Wait()
		close(p.ended)
	}()
	timer := time.AfterFunc(startTimeout, p.kill)
	defer timer.Stop()
	got := make([]byte, len(hello))
	if _, err := io.ReadFull(p.out, got); err != nil || string(got) != hello {
		p.stop()
		r.Close()
		return nil, fmt.Errorf("sandbox: %s %s gave no hello, does its main begin with sandbox.RunIfWorker? %s", exe, Arg, p.err)
	}
	go func() {
		<-p.ended
		r.Close() // what is buffered by then has been read or does not matter
	}()
	return p, nil
}

func (p *process) kill() { p.cmd.Process.Kill() }

// stop ends the worker at once and waits for its end.
func (p *process) stop() {
	p.in.Close()
	p.kill()
	<-p.ended
}

// exit says how an ended worker ended.
func (p *process) exit() string {
	text := "exit status 0"
	if p.state != nil {
		text = p.state.Error()
	}
	if s := p.err.String(); s != "" {
		text += ": " + s
	}
	return text
}

// tail keeps the first line that a worker complains with: of a Go crash the line that names it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	const limit = 1000
	t.text = append(t.text, b[:min(len(b), limit-min(limit, len(t.text)))]...)
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	line, _, _ := strings.Cut(strings.TrimSpace(string(t.text)), "\n")
	return line
}

var errClosed = errors.New("sandbox: the pool is closed")
