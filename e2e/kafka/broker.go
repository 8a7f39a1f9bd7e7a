package kafka

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Bounds on a healthy broker, far above what it takes on a slow machine.
const (
	readyWithin = 90 * time.Second
	stopWithin  = 30 * time.Second
	startTries  = 3 // a port that was free may be taken by the time it is bound
)

// Broker is a running Apache Kafka of one node. Its methods may be called concurrently.
type Broker struct {
	Addr string // host:port of the PLAINTEXT listener
	Dir  string // log.dirs; outlives the broker
	// StopWithin is how long Stop waits. It may be changed before.
	StopWithin time.Duration

	cmd    *exec.Cmd
	out    output
	exited chan struct{} // closed when the process is gone
}

// output keeps what a process printed.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Start runs a broker with its data in dir, which it formats if it is empty. properties are
// added to server.properties and win over what stands there: one replica of everything, no
// delays before a group's first assignment. format are more words for the tool that formats the directory. It
// returns when the broker serves. Whoever starts a broker stops it.
func (h Home) Start(ctx context.Context, dir string, properties map[string]string, format ...string) (*Broker, error) {
	var err error
	for range startTries {
		var b *Broker
		if b, err = h.start(ctx, dir, properties, format); err == nil {
			return b, nil
		}
		if !strings.Contains(err.Error(), "Address already in use") {
			break
		}
	}
	return nil, err
}

func (h Home) start(ctx context.Context, dir string, properties map[string]string, more []string) (*Broker, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	b := &Broker{Addr: ports[0], Dir: dir, StopWithin: stopWithin, exited: make(chan struct{})}
	file, err := writeProperties(b.Dir, ports, properties)
	if err != nil {
		return nil, err
	}
	defer os.Remove(file)
	if _, err := os.Stat(filepath.Join(dir, "meta.properties")); errors.Is(err, os.ErrNotExist) {
		format := h.java(ctx, "256m", classes["kafka-storage"], append([]string{"format", "--standalone",
			"--cluster-id", "dGhhbHdlZy1lMmUta2Fma2", "--config", file}, more...)...)
		if out, err := format.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("format %s: %w\n%s", dir, err, out)
		}
	}
	b.cmd = h.java(context.WithoutCancel(ctx), "1g", "kafka.Kafka", file)
	b.cmd.Stdout, b.cmd.Stderr = &b.out, &b.out
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = b.cmd.Wait() // the exit code is read from ProcessState
		close(b.exited)
	}()
	if err := b.awaitReady(ctx, cmp.Or(h.readyWithin, readyWithin)); err != nil {
		b.Kill()
		return nil, fmt.Errorf("apache kafka %s: %w\n%s", h.Version, err, b.out.String())
	}
	return b, nil
}

// freePorts are addresses of 127.0.0.1 on which nobody listens now.
func freePorts(n int) ([]string, error) {
	var addrs []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}

func writeProperties(dir string, ports []string, more map[string]string) (string, error) {
	all := map[string]string{
		"process.roles":                                    "broker,controller",
		"node.id":                                          "1",
		"listeners":                                        "PLAINTEXT://" + ports[0] + ",CONTROLLER://" + ports[1],
		"controller.listener.names":                        "CONTROLLER",
		"controller.quorum.bootstrap.servers":              ports[1],
		"log.dirs":                                         dir,
		"offsets.topic.replication.factor":                 "1",
		"offsets.topic.num.partitions":                     "5",
		"transaction.state.log.replication.factor":         "1",
		"transaction.state.log.min.isr":                    "1",
		"transaction.state.log.num.partitions":             "5",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",
		"share.coordinator.state.topic.num.partitions":     "5",
		"group.initial.rebalance.delay.ms":                 "0",
		"log.initial.task.delay.ms":                        "1000",
	}
	maps.Copy(all, more)
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "%s=%s\n", key, strings.ReplaceAll(all[key], `\`, `\\`))
	}
	file, err := os.CreateTemp("", "kafka-*.properties")
	if err != nil {
		return "", err
	}
	_, err = file.WriteString(text.String())
	return file.Name(), errors.Join(err, file.Close())
}

// awaitReady asks for metadata until the node names itself in it, which a fenced one does not.
func (b *Broker) awaitReady(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		return err
	}
	defer client.Close()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		attempt, cancelAttempt := context.WithTimeout(ctx, 2*time.Second)
		brokers, err := kadm.NewClient(client).ListBrokers(attempt)
		cancelAttempt()
		if err == nil && len(brokers) > 0 {
			return nil
		}
		select {
		case <-b.exited:
			return fmt.Errorf("ended with code %d before it served", b.cmd.ProcessState.ExitCode())
		case <-ctx.Done():
			return fmt.Errorf("does not serve: %w", errors.Join(ctx.Err(), err))
		case <-again.C:
		}
	}
}

// PID is the number of the process.
func (b *Broker) PID() int { return b.cmd.Process.Pid }

// Output is what the broker has printed so far.
func (b *Broker) Output() string { return b.out.String() }

// Exited is closed when the process is gone.
func (b *Broker) Exited() <-chan struct{} { return b.exited }

// Stop asks the broker to end, waits for it, and kills it if it takes too long.
func (b *Broker) Stop() error {
	if err := b.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		b.Kill()
		return nil // there are systems without that signal
	}
	select {
	case <-b.exited:
		return nil
	case <-time.After(b.StopWithin):
		b.Kill()
		return fmt.Errorf("apache kafka at %s did not stop within %v", b.Addr, b.StopWithin)
	}
}

// Kill ends the broker without asking and waits until it is gone.
func (b *Broker) Kill() {
	_ = b.cmd.Process.Kill()
	<-b.exited
}
