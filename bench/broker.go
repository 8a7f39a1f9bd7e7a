package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Broker is a running broker process.
type Broker struct {
	Name string // "thalweg", "kafka"
	Addr string
	PID  int

	dir    string // its data
	root   string // what is removed when it has ended; "": nothing is
	stop   func() error
	end    func() error  // kill -9
	output func() string // what it has printed
	admin  *kadm.Client
	ping   func(context.Context) error // nil: it speaks Kafka's protocol
	// durable are the configs of a topic whose acknowledgements mean "on the disk"; plain, "in the page cache".
	durable, plain map[string]string
}

// Maker starts brokers of one kind.
type Maker struct {
	Name string // how it is called in results
	// About says what it is: version, and how it is set up.
	About string
	// Own are scenarios, by id, that brokers of this kind do in a way of their own. nil: they speak Kafka's protocol.
	Own map[string]Work
	// Can are the ids of scenarios that they are asked to do. nil: all, or with Own all of those.
	Can []string
	// Start starts a broker whose data is in a new directory, and returns when it serves. properties are added to its server.properties.
	Start func(ctx context.Context, dir string, properties map[string]string) (*Broker, error)
}

// Work is a scenario as brokers do it that do not speak Kafka's protocol. setup and clear may be nil.
type Work struct {
	setup, clear func(context.Context, *stage) error
	run          func(context.Context, *stage) (Sample, error)
}

// way is how brokers of this kind do a scenario, and whether they do it.
func (m Maker) way(s scenario) (scenario, bool) {
	if m.Own != nil {
		own, ok := m.Own[s.id]
		s.setup, s.run, s.clear = own.setup, own.run, own.clear
		return s, ok
	}
	return s, m.Can == nil || slices.Contains(m.Can, s.id)
}

// Policies of flushing, by which results are told apart.
const (
	PolicyOS    = "os"    // acknowledged = in the page cache, as Kafka's default
	PolicyGroup = "group" // acknowledged = on the disk; Kafka's flush.messages=1
)

// createWithin bounds how long a broker may take to create a topic.
const createWithin = 2 * time.Minute

// fileDeleteWithin bounds how long a broker may take to remove the files of a topic; manyDeleteWithin is how long is waited for those of
// a topic of many partitions.
const (
	fileDeleteWithin = 90 * time.Second
	manyDeleteWithin = 20 * time.Second
)

// withCommon adds what is set for every broker: files of deleted topics go at once, or they would fill the page cache for
// a minute.
func withCommon(properties map[string]string) map[string]string {
	all := map[string]string{"log.segment.delete.delay.ms": "0"}
	maps.Copy(all, properties)
	return all
}

// begin connects what the rig needs beside the measured connections.
func (b *Broker) begin() error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		return err
	}
	b.admin = kadm.NewClient(cl)
	b.admin.SetTimeoutMillis(int32(createWithin.Milliseconds()))
	return nil
}

// alive is whether the broker answers.
func (b *Broker) alive(ctx context.Context) error {
	if b.ping != nil {
		return b.ping(ctx)
	}
	_, err := exchange(ctx, b.Addr, metadataRequest())
	return err
}

// Stop ends the process. Its data stays.
func (b *Broker) Stop() error {
	if b.admin != nil {
		b.admin.Close()
	}
	return b.stop()
}

// kill ends the process as kill -9 does. Its data stays.
func (b *Broker) kill() error {
	if b.admin != nil {
		b.admin.Close()
	}
	return b.end()
}

// topic creates a topic of one replica under a policy, and returns when its partitions have leaders.
func (b *Broker) topic(ctx context.Context, name string, partitions int, policy string) error {
	configs := map[string]*string{}
	from := b.plain
	if policy == PolicyGroup {
		from = b.durable
	}
	for k, v := range from {
		configs[k] = kadm.StringPtr(v)
	}
	if _, err := b.admin.CreateTopic(ctx, int32(partitions), 1, configs, name); err != nil {
		return fmt.Errorf("%s: create %s: %w", b.Name, name, err)
	}
	for {
		topics, err := b.admin.ListTopics(ctx, name)
		if err != nil {
			return err
		}
		led := 0
		for _, p := range topics[name].Partitions {
			if p.Err == nil && p.Leader >= 0 {
				led++
			}
		}
		if led == partitions {
			// An Apache Kafka tells of leaders before it can lead.
			ends, err := b.admin.ListEndOffsets(ctx, name)
			if err == nil && ends.Error() == nil && len(ends[name]) == partitions {
				return nil
			}
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return fmt.Errorf("%s: %s has no leaders: %w", b.Name, name, err)
		}
	}
}

// delete deletes a topic and waits a while for its files to go: a broker may take its time over thousands of them.
func (b *Broker) delete(ctx context.Context, name string) error {
	gone, err := b.remove(ctx, name, manyDeleteWithin)
	if errors.Is(gone, context.DeadlineExceeded) {
		gone = nil
	}
	return errors.Join(err, gone)
}

// drop deletes a topic and waits until its files are gone, so that their pages are free again.
func (b *Broker) drop(ctx context.Context, name string) error {
	gone, err := b.remove(ctx, name, fileDeleteWithin)
	return errors.Join(err, gone)
}

// remove deletes a topic. gone is why its files were not gone in the time, err why it could not be deleted.
func (b *Broker) remove(ctx context.Context, name string, within time.Duration) (gone, err error) {
	if _, err := b.admin.DeleteTopic(ctx, name); err != nil {
		return nil, fmt.Errorf("%s: delete %s: %w", b.Name, name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		left, err := filepath.Glob(filepath.Join(b.dir, name+"-*")) // until it is unlinked: NAME-0.UUID-delete
		if err != nil || len(left) == 0 {
			return nil, err
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("%s: files of %s are left: %w", b.Name, name, err), nil
		}
	}
}

// pause waits, or fails when the context ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// lastLines is the end of what a process printed, for messages.
func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
