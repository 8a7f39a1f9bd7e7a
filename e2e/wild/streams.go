package main

import (
	"context"
	"embed"
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/thalweg-io/thalweg/e2e/recipe"
)

//go:embed streams streams-1.1
var streamsSources embed.FS

// kafkaStreams are topologies of Kafka Streams, old and new: the counts of an input that is the same each time.
func kafkaStreams() []program {
	exactly := streams("streams-exactly-once", "4.4.0", "words of each minute, counted exactly once", "streams", wordCount("exactly_once_v2"))
	exactly.until, exactly.fails = "transactions", "no coordinator for transactions"
	return []program{
		streams("streams-old", "1.1.1", "words of each minute, counted in the style of 2018", "streams-1.1", wordCount("")),
		streams("streams-words", "4.4.0", "words of each minute, counted at least once", "streams", wordCount("at_least_once")),
		streams("streams-shop", "4.4.0", "orders filtered, joined with a table and a stream, counted by session", "streams", shop),
		exactly,
	}
}

// topology runs a program of Kafka Streams on a scene and judges what it made.
type topology func(context.Context, *scene, fs.FS) error

func streams(name, version, what, of string, run topology) program {
	sources := folder(streamsSources, of)
	return program{name: name, version: "kafka-streams " + version, what: what, needs: []string{"mvn", "javac"},
		recipe: recipe.Recipe{Name: "wild-streams-" + version, Sources: sources, Build: [][]string{
			{"mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"}}},
		run: func(ctx context.Context, s *scene) error { return run(ctx, s, sources) }}
}

// begin is the time of the first record: a full hour that no retention ends yet.
func begin() time.Time { return time.Now().Add(-2 * time.Hour).Truncate(time.Hour) }

// event is a record of an input, at a time after begin.
type event struct {
	topic, key, value string
	after             time.Duration
}

// write makes topics of some partitions and writes events to them.
func (s *scene) write(ctx context.Context, partitions int32, topics []string, from time.Time, events []event) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.servers))
	if err != nil {
		return err
	}
	defer cl.Close()
	made, err := kadm.NewClient(cl).CreateTopics(ctx, partitions, 1, nil, topics...)
	if err == nil {
		err = made.Error()
	}
	if err != nil {
		return err
	}
	for _, e := range events {
		r := &kgo.Record{Topic: e.topic, Value: []byte(e.value), Timestamp: from.Add(e.after)}
		if e.key != "" {
			r.Key = []byte(e.key)
		}
		if err := cl.ProduceSync(ctx, r).FirstErr(); err != nil {
			return err
		}
	}
	return nil
}

// java starts a program of one file, with a directory of its own for its state.
func (s *scene) java(ctx context.Context, sources fs.FS, file string, args ...string) (*process, error) {
	name, err := s.copy(sources, file)
	if err != nil {
		return nil, err
	}
	argv := []string{"java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-Djava.io.tmpdir=" + filepath.Join(s.tmp, "state"), "-cp", recipe.JavaPath(), name}
	return launch(ctx, s.dir, nil, append(argv, args...)...)
}

// output is what the last values of a topic's keys must be. The topic has one partition.
type output struct {
	topic  string
	decode func([]byte) string
	want   map[string]string
}

// settle waits until each output is as wanted, ends the process, which commits what it has, and wants nothing to have followed.
func (s *scene) settle(ctx context.Context, p *process, outputs ...output) error {
	inTime, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.exited:
			cancel()
		case <-inTime.Done():
		}
	}()
	for _, o := range outputs {
		got, err := s.last(inTime, o, func(got map[string]string, _ int64) bool { return maps.Equal(got, o.want) })
		if err != nil {
			return fmt.Errorf("%s: %v, want %v: %w; %s", o.topic, got, o.want, err, p.ended())
		}
	}
	p.end()
	for _, o := range outputs {
		end, err := s.end(ctx, o.topic)
		if err != nil {
			return err
		}
		got, err := s.last(ctx, o, func(_ map[string]string, next int64) bool { return next >= end })
		if err != nil || !maps.Equal(got, o.want) {
			return fmt.Errorf("%s in the end: %v, want %v (%w)", o.topic, got, o.want, err)
		}
	}
	return nil
}

// end is the log end of partition 0 of a topic.
func (s *scene) end(ctx context.Context, topic string) (int64, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.servers))
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	end, _ := ends.Lookup(topic, 0)
	return end.Offset, end.Err
}

// last reads a topic from the beginning until enough is content with the last values of its keys and the offset
// after them. Returns the values, also with an error.
func (s *scene) last(ctx context.Context, o output, enough func(got map[string]string, next int64) bool) (map[string]string, error) {
	got := map[string]string{}
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.servers), kgo.ConsumeTopics(o.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.KeepControlRecords(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return got, err
	}
	defer cl.Close()
	for next := int64(0); !enough(got, next); {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return got, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			switch {
			case r.Attrs.IsControl():
			case r.Value == nil:
				delete(got, string(r.Key))
			default:
				got[string(r.Key)] = o.decode(r.Value)
			}
		})
	}
	return got, nil
}

func text(b []byte) string { return string(b) }

func long(b []byte) string {
	if len(b) != 8 {
		return fmt.Sprintf("%q", b)
	}
	return strconv.FormatUint(binary.BigEndian.Uint64(b), 10)
}

// poem is what words are counted in: lines, some in one minute and some in others.
var poem = []event{
	{"text-lines", "", "Streams flow to the sea", 0},
	{"text-lines", "", "the sea takes all streams", 20 * time.Second},
	{"text-lines", "", "all streams", 59*time.Second + 999*time.Millisecond},
	{"text-lines", "", "Streams again, streams", 60 * time.Second},
	{"text-lines", "", "the sea is still", 90 * time.Second},
	{"text-lines", "", "streams flow", 10 * time.Minute},
}

// wordsOfMinutes counts as the programs must.
func wordsOfMinutes(from time.Time, lines []event) map[string]string {
	counts := map[string]int{}
	for _, e := range lines {
		minute := from.Add(e.after).Truncate(time.Minute).UnixMilli()
		for _, word := range strings.FieldsFunc(strings.ToLower(e.value), func(r rune) bool { return r < 'a' || r > 'z' }) {
			counts[fmt.Sprintf("%s@%d", word, minute)]++
		}
	}
	out := map[string]string{}
	for k, n := range counts {
		out[k] = strconv.Itoa(n)
	}
	return out
}

// wordCount is the words of each minute, with a processing guarantee if the program takes one.
func wordCount(guarantee string) topology {
	return func(ctx context.Context, s *scene, sources fs.FS) error {
		from := begin()
		if err := s.write(ctx, 1, []string{"text-lines", "word-counts"}, from, poem); err != nil {
			return err
		}
		var args []string
		if guarantee != "" {
			args = append(args, guarantee)
		}
		p, err := s.java(ctx, sources, "WordCount.java", args...)
		if err != nil {
			return err
		}
		defer p.end()
		return s.settle(ctx, p, output{"word-counts", long, wordsOfMinutes(from, poem)})
	}
}

// trade is what happens in a shop. The table comes first, as customers do.
var trade = []event{
	{"customers", "c1", "Ada", 0},
	{"customers", "c2", "Bo", time.Second},
	{"orders", "c1", "1200", 1 * time.Minute},
	{"payments", "c1", "card", 3 * time.Minute},
	{"orders", "c2", "80", 4 * time.Minute},
	{"orders", "c1", "70", 9 * time.Minute}, // the same session, too late for the payment
	{"orders", "c3", "5000", 10 * time.Minute},
	{"payments", "c2", "cash", 30 * time.Minute}, // too late
	{"orders", "c1", "1000", 31 * time.Minute},   // another session
}

// shop is a topology of several parts.
func shop(ctx context.Context, s *scene, sources fs.FS) error {
	from := begin()
	topics := []string{"orders", "payments", "customers", "large-orders", "named-orders", "paid-orders", "sessions"}
	if err := s.write(ctx, 1, topics, from, trade); err != nil {
		return err
	}
	p, err := s.java(ctx, sources, "Shop.java")
	if err != nil {
		return err
	}
	defer p.end()
	session := func(customer string, first, last int) string {
		at := func(m int) int64 { return from.Add(time.Duration(m) * time.Minute).UnixMilli() }
		return fmt.Sprintf("%s@%d-%d", customer, at(first), at(last))
	}
	return s.settle(ctx, p,
		output{"large-orders", text, map[string]string{"c1": "1000", "c3": "5000"}},
		output{"named-orders", text, map[string]string{"c1": "Ada orders for 1000", "c2": "Bo orders for 80"}},
		output{"paid-orders", text, map[string]string{"c1": "1200 paid with card"}},
		output{"sessions", long, map[string]string{session("c1", 1, 9): "2", session("c2", 4, 4): "1", session("c3", 10, 10): "1", session("c1", 31, 31): "1"}})
}
