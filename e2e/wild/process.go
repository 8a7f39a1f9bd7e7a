package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// endsWithin is how long a process may take to end when it is asked to.
	endsWithin = 10 * time.Second
	// linesKept bounds what is kept of a process's output, and lineBytes one line.
	linesKept = 20_000
	lineBytes = 1 << 20
)

// process is a program of somebody else while it runs. Its methods may be called concurrently.
type process struct {
	name string
	cmd  *exec.Cmd
	mu   struct {
		sync.Mutex
		lines []string      // of both outputs, at most linesKept
		more  chan struct{} // closed when there are more lines
	}
	exited chan struct{} // closed when it has ended and its output is complete
	err    error         // how it ended; read after exited
}

// launch starts argv in a directory with more of KEY=value in its environment. When the context ends, it is killed. Whoever
// launches a process ends it or waits for it.
func launch(ctx context.Context, dir string, more []string, argv ...string) (*process, error) {
	p := &process{name: argv[0], cmd: exec.CommandContext(ctx, argv[0], argv[1:]...), exited: make(chan struct{})}
	p.mu.more = make(chan struct{})
	p.cmd.Dir, p.cmd.Env, p.cmd.WaitDelay = dir, append(os.Environ(), more...), time.Second
	out, in := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = in, in
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	read := make(chan struct{})
	go func() {
		p.read(out)
		close(read)
	}()
	go func() {
		if p.err = p.cmd.Wait(); errors.Is(p.err, exec.ErrWaitDelay) {
			p.err = nil // it ended well; what it left behind still holds its output, for a moment
		}
		_ = in.Close() // never fails
		<-read
		close(p.exited)
	}()
	return p, nil
}

func (p *process) read(out *io.PipeReader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, lineBytes)
	for lines.Scan() {
		p.mu.Lock()
		if len(p.mu.lines) < linesKept {
			p.mu.lines = append(p.mu.lines, lines.Text())
			close(p.mu.more)
			p.mu.more = make(chan struct{})
		}
		p.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, out) // what follows a line that is too long
}

// from returns the lines from the n-th on, and what is closed when there are more.
func (p *process) from(n int) ([]string, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.lines[n:], p.mu.more
}

// prints waits until the process has printed a line with which is is content. Errors: it ended without one, or the
// context did; with the end of what it printed.
func (p *process) prints(ctx context.Context, is func(line string) bool) error {
	for n, over := 0, false; ; {
		lines, more := p.from(n)
		for _, line := range lines {
			if is(line) {
				return nil
			}
		}
		if n += len(lines); over {
			return errors.New(p.ended())
		}
		select {
		case <-more:
		case <-p.exited:
			over = true
		case <-ctx.Done():
			return fmt.Errorf("%w; %s", ctx.Err(), p.ended())
		}
	}
}

// wait waits for the end of the process. Errors: it did not end well, or not before the context did.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.exited:
		if p.err != nil {
			return errors.New(p.ended())
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w; %s", ctx.Err(), p.ended())
	}
}

// end asks the process to end and kills it if it does not. How it ended does not matter.
func (p *process) end() {
	if p.cmd.Process.Signal(syscall.SIGTERM) == nil {
		select {
		case <-p.exited:
			return
		case <-time.After(endsWithin):
		}
	}
	p.kill()
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be gone
	<-p.exited
}

// ended tells how the process ended, if it has, and the last it printed.
func (p *process) ended() string {
	state := "runs"
	select {
	case <-p.exited:
		state = p.cmd.ProcessState.String()
	default:
	}
	lines, _ := p.from(0)
	return fmt.Sprintf("%s: %s; it printed at last:\n\t%s", p.name, state, strings.Join(lines[max(0, len(lines)-30):], "\n\t"))
}
