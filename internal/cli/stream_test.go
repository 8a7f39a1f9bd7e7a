package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/thalweg-io/thalweg/internal/cli/command"
	"github.com/thalweg-io/thalweg/internal/cli/record"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// within bounds every run of these tests.
const within = time.Minute

// with runs a command line with a context and streams of its own.
func with(t *testing.T, ctx context.Context, in io.Reader, out io.Writer, args ...string) (code int, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var e bytes.Buffer
	s := Streams{In: in, Out: out, Err: &e}
	env := command.OS(s.In, s.Out, s.Err)
	dir := t.TempDir()
	env.ConfigDir = func() (string, error) { return dir, nil }
	env.Getenv = func(string) string { return "" }
	code = run(ctx, args, s, env, healthy{})
	return code, e.String()
}

// Records of every kind, nulls and bytes and headers, go from one topic through JSON into another and are the same there:
// key, value, headers, timestamp, and the partition with its order.
func TestPipeWithoutLoss(t *testing.T) {
	b := brokertest.Start(t)
	rng := rand.New(rand.NewPCG(5, 11))
	piece := func() []byte {
		switch rng.IntN(4) {
		case 0:
			return nil
		case 1:
			return []byte{}
		case 2:
			return []byte(fmt.Sprintf("text %d äß中\n\"\\\u2028", rng.IntN(1000)))
		}
		raw := make([]byte, rng.IntN(40))
		for i := range raw {
			raw[i] = byte(rng.Uint32())
		}
		return raw
	}
	var sent []byte
	for i := range 2000 {
		r := &kgo.Record{Partition: int32(rng.IntN(3)), Timestamp: time.UnixMilli(1_600_000_000_000 + int64(rng.IntN(1e9))), Key: piece(), Value: piece()}
		for range rng.IntN(4) {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: fmt.Sprintf("h%d\xff"[:2+i%2], rng.IntN(3)), Value: piece()})
		}
		sent = record.Append(sent, r)
	}
	must := func(in io.Reader, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		if code, errs := with(t, t.Context(), in, &out, append(args, "-b", b.Addr())...); code != 0 || errs != "" {
			t.Fatalf("%v: exit %d, %s", args, code, errs)
		}
		return out.String()
	}
	must(nil, "topic", "create", "a", "b", "-p", "3")
	must(bytes.NewReader(sent), "produce", "a", "-i", "json", "-q", "-z", "zstd")
	var all [2]string
	for i, topic := range []string{"a", "b"} {
		if topic == "b" {
			must(strings.NewReader(must(nil, "consume", "a", "-o", "json")), "produce", "b", "-i", "json", "-q")
		}
		for p := range 3 {
			all[i] += must(nil, "consume", topic, "-p", fmt.Sprint(p), "-o", "json")
		}
	}
	if strings.Count(all[0], "\n") != 2000 || all[0] != strings.ReplaceAll(all[1], `"topic":"b"`, `"topic":"a"`) {
		t.Errorf("%d lines became %d, or they differ", strings.Count(all[0], "\n"), strings.Count(all[1], "\n"))
	}
}

// --follow goes on until it is ended, shows at once what comes, and ends with 130 and without a word.
func TestFollowUntilInterrupted(t *testing.T) {
	b := brokertest.Start(t)
	if code, errs := with(t, t.Context(), nil, io.Discard, "produce", "t", "first", "-b", b.Addr()); code != 0 {
		t.Fatal(errs)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	out := &lines{ch: make(chan string, 16)}
	type outcome struct {
		code int
		errs string
	}
	ended := make(chan outcome, 1)
	go func() {
		code, errs := with(t, ctx, nil, out, "consume", "t", "-f", "-b", b.Addr())
		ended <- outcome{code, errs}
	}()
	out.want(t, "first")
	if code, errs := with(t, t.Context(), nil, io.Discard, "produce", "t", "second", "-b", b.Addr()); code != 0 {
		t.Fatal(errs)
	}
	out.want(t, "second")
	interrupt()
	if got := <-ended; got != (outcome{130, ""}) {
		t.Errorf("%+v", got)
	}
}

// What a person has typed before Ctrl-C is written, and told.
func TestProduceInterrupted(t *testing.T) {
	b := brokertest.Start(t)
	in, typed := io.Pipe()
	defer typed.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		if _, err := io.WriteString(typed, "one\ntwo\n"); err == nil {
			_, _ = typed.Write(nil) // returns when the reader asks for more
			interrupt()
		}
	}()
	var out bytes.Buffer
	code, errs := with(t, ctx, in, &out, "produce", "t", "-b", b.Addr())
	if code != 130 || errs != "" || out.String() != "t\t0\t0\t1\t2\n" && out.String() != "t\t0\t0\t0\t1\n" {
		t.Errorf("exit %d, %q, %q", code, errs, out.String())
	}
}

// gone is a pipe whose reader has had enough after some bytes.
type gone struct{ left int }

func (g *gone) Write(p []byte) (int, error) {
	if g.left -= len(p); g.left < 0 {
		return 0, fmt.Errorf("write: %w", syscall.EPIPE)
	}
	return len(p), nil
}

// A pipe that is closed by its reader ends a command without a word.
func TestBrokenPipeIsQuiet(t *testing.T) {
	b := brokertest.Start(t)
	if code, errs := with(t, t.Context(), strings.NewReader(strings.Repeat(strings.Repeat("x", 1000)+"\n", 1000)), io.Discard, "produce", "t", "-b", b.Addr()); code != 0 {
		t.Fatal(errs)
	}
	for _, args := range [][]string{{"consume", "t"}, {"consume", "t", "-o", "json"}, {"consume", "t", "-f"}, {"topic", "ls"}, {"topic", "ls", "-o", "json"}, {"topic", "describe", "t", "-o", "table"}, {"config", "get", "topic", "t", "--all"}} {
		if code, errs := with(t, t.Context(), nil, &gone{left: 5}, append(args, "-b", b.Addr())...); code != 0 || errs != "" {
			t.Errorf("%v: exit %d, %q", args, code, errs)
		}
	}
}

// A range whose last offsets hold no records, as after compaction, has an end all the same.
func TestEndWithoutRecords(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	addr := c.ListenAddrs()[0]
	if code, errs := with(t, t.Context(), nil, io.Discard, "produce", "t", "a", "b", "c", "-b", addr); code != 0 {
		t.Fatal(errs)
	}
	c.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := r.(*kmsg.FetchRequest)
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		for _, rt := range req.Topics {
			t := kmsg.NewFetchResponseTopic()
			t.Topic, t.TopicID = rt.Topic, rt.TopicID
			for _, rp := range rt.Partitions {
				p := kmsg.NewFetchResponseTopicPartition()
				p.Partition, p.HighWatermark, p.LastStableOffset = rp.Partition, 3, 3
				t.Partitions = append(t.Partitions, p)
			}
			resp.Topics = append(resp.Topics, t)
		}
		return resp, nil, true
	})
	var out bytes.Buffer
	if code, errs := with(t, t.Context(), nil, &out, "consume", "t", "-b", addr); code != 0 || errs != "" || out.Len() > 0 {
		t.Errorf("exit %d, %q, %q", code, errs, out.String())
	}
}
