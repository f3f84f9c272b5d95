package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// fleet keeps each stage's processes running, as an orchestrator does: one that dies is replaced at once.
type fleet struct {
	worker workerConfig // of all; Data and Stage are each process's own
	errors io.Writer

	mu     sync.Mutex
	stages map[string]*crew
	serial int
	ending bool
	wg     sync.WaitGroup
}

// crew is a stage's processes.
type crew struct {
	name     string
	size     int // processes that it should have
	procs    []*process
	kills    int
	exits    int // ends by themselves, with an error
	row      int // of these, one behind the other
	finished bool
	log      *os.File
}

type process struct {
	cmd    *exec.Cmd
	data   string // its folder, which its successor takes over
	began  time.Time
	killed bool
	paused bool
}

func newFleet(w workerConfig, errors io.Writer) (*fleet, error) {
	f := &fleet{worker: w, errors: errors, stages: map[string]*crew{}}
	for _, s := range chain {
		size := 1
		if s == "s2" {
			size = 2
		}
		log, err := os.Create(filepath.Join(w.Dir, s+".log"))
		if err != nil {
			return nil, err
		}
		f.stages[s] = &crew{name: s, size: size, log: log}
	}
	return f, nil
}

// begin starts all stages.
func (f *fleet) begin() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range chain {
		c := f.stages[s]
		for len(c.procs) < c.size {
			if err := f.start(c, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// start adds a process to a stage. f.mu is held.
func (f *fleet) start(c *crew, data string) error {
	if data == "" {
		f.serial++
		data = filepath.Join(f.worker.Dir, "data", c.name+"-"+strconv.Itoa(f.serial))
	}
	w := f.worker
	w.Stage, w.Data = c.name, data
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p := &process{cmd: exec.Command(self), data: data, began: time.Now()}
	p.cmd.Env = append(os.Environ(), workerVariable+"="+string(text))
	p.cmd.Stderr = c.log
	// Nothing is written to it: its end tells the worker that nobody is there to wait for it.
	if _, err := p.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start a worker of %s: %w", c.name, err)
	}
	c.procs = append(c.procs, p)
	f.wg.Go(func() { f.attend(c, p) })
	return nil
}

// attend waits for a process's end and replaces it if the stage has too few.
func (f *fleet) attend(c *crew, p *process) {
	err := p.cmd.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, q := range c.procs {
		if q == p {
			c.procs = append(c.procs[:i], c.procs[i+1:]...)
			break
		}
	}
	switch {
	case err == nil:
		c.finished = true // the whole line is through this stage
	case !p.killed:
		c.exits++
		c.row++
		fmt.Fprintf(f.errors, "chaos: a worker of %s ended by itself: %v (its last words stand in %s)\n", c.name, err, c.log.Name())
	}
	if p.killed || time.Since(p.began) > 30*time.Second {
		c.row = 0
	}
	if f.ending || c.finished || c.awake() >= c.size {
		return
	}
	if !p.killed {
		f.mu.Unlock()
		time.Sleep(time.Second)
		f.mu.Lock()
		if f.ending {
			return
		}
	}
	if err := f.start(c, p.data); err != nil {
		fmt.Fprintln(f.errors, "chaos:", err)
	}
}

// awake is how many processes run.
func (c *crew) awake() int {
	n := 0
	for _, p := range c.procs {
		if !p.paused {
			n++
		}
	}
	return n
}

// kill ends one of a stage's processes by SIGKILL and counts it; one that sleeps is left to wake up if there is another.
// pick chooses among so many.
func (f *fleet) kill(stage string, pick func(n int) int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.stages[stage]
	var live, awake []*process
	for _, p := range c.procs {
		if p.killed {
			continue
		}
		live = append(live, p)
		if !p.paused {
			awake = append(awake, p)
		}
	}
	if len(awake) > 0 {
		live = awake
	}
	if len(live) == 0 {
		return false
	}
	p := live[pick(len(live))]
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		return false // it has just ended
	}
	p.killed = true
	c.kills++
	return true
}

// freeze stops one of a stage's processes by SIGSTOP and starts another in its place. The function that it returns wakes
// the first up: a zombie that believes to hold its lanes.
func (f *fleet) freeze(stage string, pick func(n int) int) (wake func() bool, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.stages[stage]
	var live []*process
	for _, p := range c.procs {
		if !p.killed && !p.paused {
			live = append(live, p)
		}
	}
	if len(live) == 0 || f.ending || c.finished {
		return nil, false
	}
	p := live[pick(len(live))]
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return nil, false
	}
	p.paused = true
	if err := f.start(c, ""); err != nil {
		fmt.Fprintln(f.errors, "chaos:", err)
	}
	return func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		p.paused = false
		return !p.killed && p.cmd.Process.Signal(syscall.SIGCONT) == nil
	}, true
}

// counts returns kills by stage, in the order of the chain, and how many workers ended by themselves.
func (f *fleet) counts() (kills []int, exits int, stuck string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range chain {
		c := f.stages[s]
		kills, exits = append(kills, c.kills), exits+c.exits
		if c.row >= 10 {
			stuck = s
		}
	}
	return kills, exits, stuck
}

// finished says whether all stages have ended in order.
func (f *fleet) finished() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.stages {
		if !c.finished || len(c.procs) > 0 {
			return false
		}
	}
	return true
}

// end kills what is left.
func (f *fleet) end() {
	f.mu.Lock()
	f.ending = true
	for _, c := range f.stages {
		for _, p := range c.procs {
			p.killed = true
			_ = p.cmd.Process.Signal(syscall.SIGKILL)
		}
	}
	f.mu.Unlock()
	f.wg.Wait()
	for _, c := range f.stages {
		c.log.Close()
	}
}
