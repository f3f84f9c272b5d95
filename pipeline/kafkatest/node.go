package kafkatest

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// node is one broker and controller: a folder, its ports, and the JVM that runs it, if any.
type node struct {
	dir        string
	id         int
	production bool
	ports      map[string]int // by listener

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{} // closed when the JVM has ended
}

const (
	plain      = "PLAINTEXT"
	controller = "CONTROLLER"
)

//go:embed log4j2.properties
var logConfig []byte

var errPortTaken = errors.New("a port is taken")

func newNode(dir string, id int, opts Options) (*node, error) {
	n := &node{dir: dir, id: id, production: opts.Production, ports: map[string]int{}}
	names := []string{plain, controller}
	for name := range opts.Listeners {
		names = append(names, name)
	}
	for _, name := range names {
		if name == plain && id == 1 && opts.Port > 0 {
			n.ports[name] = opts.Port
			continue
		}
		port, err := FreePort()
		if err != nil {
			return nil, err
		}
		n.ports[name] = port
	}
	return n, nil
}

func (n *node) addr(listener string) string { return fmt.Sprintf("127.0.0.1:%d", n.ports[listener]) }

func (n *node) file(name string) string { return filepath.Join(n.dir, name) }

func (n *node) writeConfig(properties map[string]string) error {
	var lines []string
	for k, v := range properties {
		// A value of several lines, such as a certificate, goes on with a backslash in a properties file.
		lines = append(lines, k+"="+strings.ReplaceAll(strings.TrimSpace(v), "\n", "\\n")+"\n")
	}
	slices.Sort(lines)
	if err := os.WriteFile(n.file("server.properties"), []byte(strings.Join(lines, "")), 0o600); err != nil {
		return err
	}
	return os.WriteFile(n.file("log4j2.properties"), logConfig, 0o644)
}

// format prepares the data folder, unless it was before.
func (n *node) format(cluster string, args []string) error {
	if _, err := os.Stat(filepath.Join(n.dir, "data", "meta.properties")); err == nil {
		return nil
	}
	cmd, err := Java(n.flags(), "kafka.tools.StorageTool", append([]string{"format", "-t", cluster, "-c", n.file("server.properties")}, args...)...)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("format the storage of broker %d: %w: %s", n.id, err, tail(out, 2<<10))
	}
	return nil
}

func (n *node) flags() []string {
	log := "-Dlog4j2.configurationFile=" + n.file("log4j2.properties")
	if n.production {
		return []string{"-Xms1g", "-Xmx1g", log}
	}
	return []string{"-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", log}
}

// start runs the JVM and waits until the broker serves.
func (n *node) start() error {
	cmd, err := Java(n.flags(), "kafka.Kafka", n.file("server.properties"))
	if err != nil {
		return err
	}
	log, err := os.OpenFile(n.file("broker.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	from, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = ownGroup()
	exited, begun := make(chan struct{}), make(chan error)
	go func() {
		// The end of the parent is told by the thread that began the child, which so must live as long as the child.
		runtime.LockOSThread()
		err := cmd.Start()
		begun <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(exited)
	}()
	if err := <-begun; err != nil {
		return fmt.Errorf("start broker %d: %w", n.id, err)
	}
	n.mu.Lock()
	n.cmd, n.exited = cmd, exited
	n.mu.Unlock()
	return n.waitReady(from, exited)
}

func (n *node) waitReady(from int64, exited chan struct{}) error {
	deadline := time.After(startTimeout)
	for {
		gone := false
		select {
		case <-exited:
			gone = true
		case <-deadline:
			err := fmt.Errorf("broker %d does not serve within %s:\n%s", n.id, startTimeout, n.logTail(4<<10))
			return errors.Join(err, n.kill())
		case <-time.After(50 * time.Millisecond):
		}
		said, err := n.logFrom(from)
		switch {
		case err != nil:
			return err
		case gone && bytes.Contains(said, []byte("Address already in use")):
			return fmt.Errorf("start broker %d: %w", n.id, errPortTaken)
		case gone:
			return fmt.Errorf("broker %d ended at its start:\n%s", n.id, n.logTail(4<<10))
		case bytes.Contains(said, []byte("Kafka Server started")):
			return nil
		}
	}
}

func (n *node) logFrom(from int64) ([]byte, error) {
	f, err := os.Open(n.file("broker.log"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.NewSectionReader(f, from, 16<<20))
}

func (n *node) logTail(size int) string {
	data, err := os.ReadFile(n.file("broker.log"))
	if err != nil {
		return err.Error()
	}
	return tail(data, size)
}

func tail(data []byte, size int) string { return string(data[max(0, len(data)-size):]) }

func (n *node) kill() error {
	return n.end(syscall.SIGKILL, stopTimeout)
}

// stop asks the broker to end, and kills it if it takes too long.
func (n *node) stop() error {
	if err := n.signal(syscall.SIGCONT); err != nil {
		return err
	}
	if err := n.end(syscall.SIGTERM, stopTimeout); err != nil {
		return n.kill()
	}
	return nil
}

func (n *node) pause() error  { return n.signal(syscall.SIGSTOP) }
func (n *node) resume() error { return n.signal(syscall.SIGCONT) }

func (n *node) end(s os.Signal, limit time.Duration) error {
	if err := n.signal(s); err != nil {
		return err
	}
	n.mu.Lock()
	exited := n.exited
	n.mu.Unlock()
	if exited == nil {
		return nil
	}
	select {
	case <-exited:
		return nil
	case <-time.After(limit):
		return fmt.Errorf("broker %d does not end within %s of %v", n.id, limit, s)
	}
}

// signal signals the broker; one that is down hears nothing.
func (n *node) signal(s os.Signal) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return nil
	}
	if err := n.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal broker %d: %w", n.id, err)
	}
	return nil
}

func (n *node) pid() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return 0
	}
	select {
	case <-n.exited:
		return 0
	default:
		return n.cmd.Process.Pid
	}
}
