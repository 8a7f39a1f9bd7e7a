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
	startWithin = 4 * time.Minute // thousands of partitions on a busy disk
	stopWithin  = 4 * time.Minute
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
	p, err := startProcess(ctx, name, exec.CommandContext(context.WithoutCancel(ctx), binary, args...), readyLine)
	if err != nil {
		return nil, err
	}
	b := p.broker(name, dir)
	b.plain, b.durable = map[string]string{"flush.policy": "os"}, map[string]string{"flush.policy": "group"}
	return b, b.begin()
}

// process is a broker that says when it serves.
type process struct {
	cmd    *exec.Cmd
	out    *printed
	addr   string
	exited chan error // once
}

// startProcess starts it and waits until it prints what ready matches, whose first group is the address.
func startProcess(ctx context.Context, name string, cmd *exec.Cmd, ready *regexp.Regexp) (*process, error) {
	p := &process{cmd: cmd, out: &printed{line: ready, ready: make(chan string, 1)}, exited: make(chan error, 1)}
	cmd.Stdout, cmd.Stderr = p.out, p.out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.exited <- cmd.Wait() }()
	select {
	case p.addr = <-p.out.ready:
		return p, nil
	case err := <-p.exited:
		return nil, fmt.Errorf("%s ended before it served: %w\n%s", name, err, lastLines(p.out.String()))
	case <-ctx.Done():
	case <-time.After(startWithin):
	}
	_ = cmd.Process.Kill()
	<-p.exited
	return nil, fmt.Errorf("%s does not serve\n%s", name, lastLines(p.out.String()))
}

// broker is what the rig knows of it.
func (p *process) broker(name, dir string) *Broker {
	return &Broker{Name: name, Addr: p.addr, PID: p.cmd.Process.Pid, dir: dir, output: p.out.String,
		stop: func() error { return end(p.cmd.Process, p.exited) },
		end: func() error {
			err := p.cmd.Process.Kill()
			<-p.exited
			return err
		}}
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
	line  *regexp.Regexp
	ready chan string // the address, once
}

// Write implements io.Writer.
func (p *printed) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.text.Write(text)
	if !p.mu.told {
		if m := p.line.FindSubmatch(p.mu.text.Bytes()); m != nil {
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
