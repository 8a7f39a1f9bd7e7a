package trial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Bounds on what a healthy process needs; far above what it takes.
const (
	readyWithin = 60 * time.Second
	endsWithin  = 30 * time.Second
)

var readyLine = regexp.MustCompile(`listening on PLAINTEXT://(\S+)`)

// alarms in a broker's output are failures, whatever else went well.
var alarms = regexp.MustCompile(`(?m)^(panic: .*|fatal error: .*|WARNING: DATA RACE.*)|BUG: .*|FATAL: .*`)

// Build builds the binary under test into a directory, unless THALWEG_BIN names one.
func Build(ctx context.Context, dir string) (string, error) {
	if name := os.Getenv("THALWEG_BIN"); name != "" {
		return name, nil
	}
	name := filepath.Join(dir, "thalweg")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", name, "./cmd/thalweg").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return name, nil
}

// Broker is a broker with a data directory over several runs of its process.
type Broker struct {
	bin, dir  string
	overrides []string
	addr      string // the same for all runs

	cmd    *exec.Cmd
	out    *output
	exited chan struct{} // closed when the process is gone and its output complete
}

// NewBroker describes a broker; overrides are "key=value".
func NewBroker(bin, dir string, overrides ...string) *Broker {
	return &Broker{bin: bin, dir: dir, overrides: overrides, addr: "127.0.0.1:0"}
}

// Addr is where it listens, once it has been started.
func (b *Broker) Addr() string { return b.addr }

// Pid is the number of its process, once it has been started.
func (b *Broker) Pid() int { return b.cmd.Process.Pid }

// Start starts the process and waits until it says that it is ready.
func (b *Broker) Start() error {
	args := []string{"server", "--override", "listeners=PLAINTEXT://" + b.addr, "--override", "log.dirs=" + b.dir}
	for _, o := range b.overrides {
		args = append(args, "--override", o)
	}
	b.cmd = exec.Command(b.bin, args...)
	b.out = &output{ready: make(chan string, 1)}
	b.exited = make(chan struct{})
	b.cmd.Stdout, b.cmd.Stderr = b.out, b.out
	if err := b.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = b.cmd.Wait() // the exit code is in ProcessState
		close(b.exited)
	}()
	select {
	case b.addr = <-b.out.ready:
		return nil
	case <-b.exited:
		return fmt.Errorf("the broker ended with code %d before it was ready: %s", b.cmd.ProcessState.ExitCode(), b.out.tail())
	case <-time.After(readyWithin):
		return errors.Join(fmt.Errorf("the broker is not ready within %v: %s", readyWithin, b.out.tail()), b.Kill())
	}
}

// SendKill sends SIGKILL and does not wait.
func (b *Broker) SendKill() error { return b.cmd.Process.Kill() }

// Await waits for the end of the process, and returns what is alarming in its output.
func (b *Broker) Await() error {
	select {
	case <-b.exited:
	case <-time.After(endsWithin):
		return fmt.Errorf("the broker still runs after %v: %s", endsWithin, b.out.tail())
	}
	return b.Alarm()
}

// Kill ends the process with SIGKILL and waits for it.
func (b *Broker) Kill() error {
	if err := b.SendKill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return b.Await()
}

// Stop ends the process with SIGTERM and wants a clean end.
func (b *Broker) Stop() error {
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := b.Await(); err != nil {
		return err
	}
	if code := b.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the broker ended with code %d: %s", code, b.out.tail())
	}
	return nil
}

// Running reports whether the process runs.
func (b *Broker) Running() bool {
	select {
	case <-b.exited:
		return false
	default:
		return b.cmd != nil
	}
}

// Alarm returns what is alarming in the output of this run.
func (b *Broker) Alarm() error {
	if text := alarms.FindString(b.out.String()); text != "" {
		return fmt.Errorf("the broker said %q: %s", text, b.out.tail())
	}
	return nil
}

// Output is what this run has printed.
func (b *Broker) Output() string { return b.out.String() }

// output collects what a process prints and finds the line that says it is ready.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	found bool
	ready chan string // the address, once
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if o.found {
		return len(p), nil
	}
	whole := o.text.Bytes()
	if m := readyLine.FindSubmatch(whole[:bytes.LastIndexByte(whole, '\n')+1]); m != nil {
		o.found = true
		o.ready <- string(m[1])
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// tail is the end of the output, for messages.
func (o *output) tail() string {
	lines := strings.Split(strings.TrimRight(o.String(), "\n"), "\n")
	return "its output ends with:\n\t" + strings.Join(lines[max(0, len(lines)-30):], "\n\t")
}
