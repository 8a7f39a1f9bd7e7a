package kafka

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"
)

// toolWithin bounds the run of one tool.
const toolWithin = 60 * time.Second

// Result is what one run of a tool gave.
type Result struct {
	Out  string `json:"out"`
	Err  string `json:"err"`
	Code int    `json:"code"` // -1: it did not end within a minute
}

// Shell runs Kafka's tools one after the other in one JVM, which saves the second that each of
// them takes to begin. Safe for concurrent use; runs then wait for each other.
type Shell struct {
	mu    sync.Mutex
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	error output
}

// Shell starts the JVM. Whoever starts it closes it.
func (h Home) Shell(ctx context.Context) (*Shell, error) {
	s := &Shell{cmd: h.java(ctx, "512m", h.shell)}
	s.cmd.Stderr = &s.error
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.in, s.out = in, bufio.NewReaderSize(out, 1<<20)
	return s, s.cmd.Start()
}

// Run runs one tool with so much standard input, and returns when it has ended.
func (s *Shell) Run(tool, stdin string, args ...string) (Result, error) {
	class, ok := classes[tool]
	if !ok {
		return Result{}, fmt.Errorf("no tool %s; they are %v", tool, Tools())
	}
	if args == nil {
		args = []string{}
	}
	line, err := json.Marshal(map[string]any{"class": class, "args": args, "stdin": stdin, "timeoutMs": toolWithin.Milliseconds()})
	if err != nil {
		return Result{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.in.Write(append(line, '\n')); err != nil {
		return Result{}, s.failed(err)
	}
	answer, err := s.out.ReadBytes('\n')
	if err != nil {
		return Result{}, s.failed(err)
	}
	var r Result
	if err := json.Unmarshal(answer, &r); err != nil {
		return Result{}, s.failed(fmt.Errorf("%w: %q", err, answer))
	}
	return r, nil
}

func (s *Shell) failed(err error) error {
	return fmt.Errorf("the JVM of the tools: %w\n%s", err, s.error.String())
}

// Close ends the JVM.
func (s *Shell) Close() error {
	return errors.Join(s.in.Close(), s.cmd.Wait())
}
