package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// server is a process that lives through all rounds and answers each line that it gets with a line.
type server struct {
	name string
	args []string
	env  []string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
}

func (s *server) start(ctx context.Context) error {
	s.cmd = exec.CommandContext(ctx, s.args[0], s.args[1:]...)
	s.cmd.Env = append(os.Environ(), s.env...)
	s.cmd.Stderr = os.Stderr
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	s.out = bufio.NewScanner(out)
	return s.cmd.Start()
}

func (s *server) stop() error {
	if s.cmd == nil {
		return nil
	}
	err := errors.Join(s.in.Close(), s.cmd.Wait())
	s.cmd = nil
	return err
}

// ask sends a line and returns the answer. The first one starts the process.
func (s *server) ask(ctx context.Context, line string) (string, error) {
	if s.cmd == nil {
		if err := s.start(ctx); err != nil {
			return "", err
		}
	}
	if _, err := fmt.Fprintln(s.in, line); err != nil {
		return "", err
	}
	if !s.out.Scan() {
		return "", fmt.Errorf("%s gave no answer: %w", s.name, errors.Join(s.out.Err(), s.stop()))
	}
	return s.out.Text(), nil
}
