package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"time"
)

const (
	startWithin = 90 * time.Second
	stopWithin  = 3 * time.Minute // thousands of partitions on a busy disk
)

// Thalweg makes brokers out of a binary of ours.
func Thalweg(name, binary string) Maker {
	m := Maker{Name: name, About: binary + " server, as shipped"}
	m.Start = func(ctx context.Context, dir string, properties map[string]string) (*Broker, error) {
		return startThalweg(ctx, name, binary, dir, properties)
	}
	return m
}

func startThalweg(ctx context.Context, name, binary, dir string, properties map[string]string) (*Broker, error) {
	args := []string{"server", "--override", "listeners=PLAINTEXT://127.0.0.1:0", "--override", "log.dirs=" + dir}
	for k, v := range withCommon(properties) {
		args = append(args, "--override", k+"="+v)
	}
	out := &printed{ready: make(chan string, 1)}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), binary, args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	b := &Broker{Name: name, PID: cmd.Process.Pid, dir: dir, output: out.String,
		plain: map[string]string{"flush.policy": "os"}, durable: map[string]string{"flush.policy": "group"}}
	b.stop = func() error { return end(cmd.Process, exited) }
	b.end = func() error {
		err := cmd.Process.Kill()
		<-exited
		return err
	}
	select {
	case b.Addr = <-out.ready:
		return b, b.begin()
	case err := <-exited:
		return nil, fmt.Errorf("%s ended before it served: %w\n%s", name, err, lastLines(out.String()))
	case <-ctx.Done():
	case <-time.After(startWithin):
	}
	_ = cmd.Process.Kill()
	<-exited
	return nil, fmt.Errorf("%s does not serve\n%s", name, lastLines(out.String()))
}

// end asks a process to stop, and kills it if it does not.
func end(p *os.Process, exited <-chan error) error {
	if err := p.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		_ = p.Kill()
	}
	select {
	case err := <-exited:
		return err
	case <-time.After(stopWithin):
		_ = p.Kill()
		<-exited
		return fmt.Errorf("process %d did not stop within %v", p.Pid, stopWithin)
	}
}

var readyLine = regexp.MustCompile(`(?m)^listening on PLAINTEXT://(\S+)\n`)

// printed keeps what a process prints and finds the line that says where it listens.
type printed struct {
	mu struct {
		sync.Mutex
		text bytes.Buffer
		told bool
	}
	ready chan string // the address, once
}

// Write implements io.Writer.
func (p *printed) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.text.Write(text)
	if !p.mu.told {
		if m := readyLine.FindSubmatch(p.mu.text.Bytes()); m != nil {
			p.mu.told = true
			p.ready <- string(m[1])
		}
	}
	return len(text), nil
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.text.String()
}
