package kafka

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Bounds on a healthy broker. It takes 4 s to serve on a quiet machine, and many times that on one with other work, where it may get a
// twentieth of a processor.
const (
	readyWithin  = 5 * time.Minute
	answerWithin = 10 * time.Second // one attempt
	stopWithin   = 2 * time.Minute
	startTries   = 3 // a port that was free may be taken by the time it is bound
)

// errPortTaken says that a broker ended because somebody else listens where it should.
var errPortTaken = errors.New("the port is taken")

// outputBytes is how much of what a broker prints is kept: its end.
const outputBytes = 32 << 10

// Broker is a running Apache Kafka of one node. Its methods may be called concurrently.
type Broker struct {
	Addr string // host:port of the PLAINTEXT listener
	Dir  string // log.dirs; outlives the broker
	// StopWithin is how long Stop waits. It may be changed before.
	StopWithin time.Duration

	cluster string // the directory's cluster.id, by which its answers are known
	cmd     *exec.Cmd
	out     output
	exited  chan struct{} // closed when the process is gone
}

// output keeps the end of what a process prints.
type output struct {
	mu   sync.Mutex
	text []byte
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.text = append(o.text, p...); len(o.text) > 2*outputBytes {
		o.text = slices.Clone(o.text[len(o.text)-outputBytes:])
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text[max(0, len(o.text)-outputBytes):])
}

// Start runs a broker with its data in dir, which it formats if it is empty. properties are
// added to server.properties and win over what stands there: one replica of everything, no
// delays before a group's first assignment. format are more words for the tool that formats the directory. It
// returns when the broker serves. Whoever starts a broker stops it.
func (h Home) Start(ctx context.Context, dir string, properties map[string]string, format ...string) (*Broker, error) {
	for try := 1; ; try++ {
		ports, err := freePorts(2)
		if err != nil {
			return nil, err
		}
		b, err := h.start(ctx, dir, ports, properties, format)
		if try == startTries || !errors.Is(err, errPortTaken) {
			return b, err
		}
	}
}

// start is one attempt; ports are those of clients and of the controller.
func (h Home) start(ctx context.Context, dir string, ports []string, properties map[string]string, format []string) (*Broker, error) {
	b := &Broker{Addr: ports[0], Dir: dir, StopWithin: stopWithin, exited: make(chan struct{})}
	file, err := writeProperties(b.Dir, ports, properties)
	if err != nil {
		return nil, err
	}
	defer os.Remove(file)
	if b.cluster, err = h.format(ctx, dir, file, format); err != nil {
		return nil, err
	}
	b.cmd = h.java(context.WithoutCancel(ctx), "1g", "kafka.Kafka", file)
	if !h.shipped {
		b.cmd.Args = slices.Insert(b.cmd.Args, 1, "-Dthalweg.log=info") // so that it can be seen how far it has come
	}
	b.cmd.Stdout, b.cmd.Stderr = &b.out, &b.out
	begin := time.Now()
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = b.cmd.Wait() // the exit code is read from ProcessState
		close(b.exited)
	}()
	if err := b.awaitReady(ctx, cmp.Or(h.readyWithin, readyWithin)); err != nil {
		b.Kill()
		state, took := b.cmd.ProcessState, time.Since(begin)
		return nil, fmt.Errorf("apache kafka %s at %s, after %v and %v of processor time: %w; what it printed ends with:\n%s",
			h.Version, b.Addr, took.Round(time.Second), (state.UserTime() + state.SystemTime()).Round(time.Millisecond), err, b.out.String())
	}
	return b, nil
}

var clusterID = regexp.MustCompile(`(?m)^cluster\.id=(\S+)`)

// format formats a directory that is not, for a cluster of its own, and returns the cluster's id.
func (h Home) format(ctx context.Context, dir, properties string, more []string) (string, error) {
	meta := filepath.Join(dir, "meta.properties")
	if _, err := os.Stat(meta); errors.Is(err, os.ErrNotExist) {
		var id [16]byte
		_, _ = rand.Read(id[:]) // never fails
		format := h.java(ctx, "256m", classes["kafka-storage"], append([]string{"format", "--standalone",
			"--cluster-id=" + base64.RawURLEncoding.EncodeToString(id[:]), "--config", properties}, more...)...)
		if out, err := format.CombinedOutput(); err != nil {
			return "", fmt.Errorf("format %s: %w\n%s", dir, err, out)
		}
	}
	text, err := os.ReadFile(meta)
	if err != nil {
		return "", err
	}
	found := clusterID.FindSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("no cluster.id in %s", meta)
	}
	return string(found[1]), nil
}

// Ports for brokers lie below those that systems give to connections of their own accord (from 32768 on Linux), as a JVM takes
// seconds until it binds its own.
const (
	firstPort = 10_000
	portsEnd  = 32_768
)

// freePorts are addresses of 127.0.0.1 on which nobody listens now.
func freePorts(n int) (addrs []string, err error) {
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", firstPort+mathrand.IntN(portsEnd-firstPort))
		var l net.Listener
		if l, err = net.Listen("tcp", addr); err != nil {
			continue
		}
		defer l.Close()
		if addrs = append(addrs, addr); len(addrs) == n {
			return addrs, nil
		}
	}
	return nil, fmt.Errorf("no free ports: %w", err)
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

// awaitReady asks for metadata until the node names itself in it, which a fenced one does not. Somebody else's answers at the
// same address do not count.
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
		attempt, cancelAttempt := context.WithTimeout(ctx, answerWithin)
		m, err := kadm.NewClient(client).BrokerMetadata(attempt)
		cancelAttempt()
		if err == nil && m.Cluster != b.cluster {
			err = fmt.Errorf("somebody of the cluster %s answers", m.Cluster)
		}
		if err == nil && len(m.Brokers) > 0 {
			return nil
		}
		select {
		case <-b.exited:
			err := fmt.Errorf("ended with code %d before it served", b.cmd.ProcessState.ExitCode())
			if strings.Contains(b.out.String(), "Address already in use") {
				err = fmt.Errorf("%w: %w", err, errPortTaken)
			}
			return err
		case <-ctx.Done():
			return fmt.Errorf("does not serve: %w", errors.Join(ctx.Err(), err))
		case <-again.C:
		}
	}
}

// PID is the number of the process.
func (b *Broker) PID() int { return b.cmd.Process.Pid }

// Output is the end of what the broker has printed so far.
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
