package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// connect are the programs of Kafka Connect.
func connect() []program {
	return []program{
		{name: "connect-files", version: "connect-runtime " + connectVersion,
			what:  "a file through a topic into a file; workers that are stopped, killed and added; offsets that are reset, topics that are compacted",
			heavy: true, needs: connectNeeds, recipe: connectRecipe(), within: heavyWithin, run: connectFiles},
		{name: "connect-exactly-once", version: "connect-runtime " + connectVersion, what: "a file into a topic, exactly once",
			heavy: true, needs: connectNeeds, recipe: connectRecipe(), run: connectExactlyOnce, until: "transactions", fails: noTransactions},
	}
}

// connectFiles copies lines of a file into another one while workers come and go. After a clean stop nothing is doubled
// and after any end nothing is missing.
func connectFiles(ctx context.Context, s *scene) error {
	f := files{cluster: newCluster(s, "", soonCompacted), in: filepath.Join(s.tmp, "in.txt"), out: filepath.Join(s.tmp, "out.txt")}
	for _, part := range []func(context.Context) error{f.first, f.afterStop, f.afterKill} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// noTransactions is what Java's clients say when there is no coordinator of transactions.
const noTransactions = "Could not find a coordinator with type TRANSACTION"

// connectExactlyOnce copies a file into a topic with a source that works in transactions. A worker that gets none tries
// again and again, and says so.
func connectExactlyOnce(ctx context.Context, s *scene) error {
	f := files{cluster: newCluster(s, "", map[string]string{"exactly.once.source.support": "enabled"}), in: filepath.Join(s.tmp, "in.txt")}
	if err := f.write(100); err != nil {
		return err
	}
	w, err := f.start(ctx)
	if err != nil {
		return err
	}
	copied, cancel := context.WithCancel(ctx)
	var refused error
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if w.prints(copied, func(line string) bool { return strings.Contains(line, noTransactions) }) == nil {
			refused = errors.New(noTransactions)
			cancel()
		}
	}()
	err = f.exactlyOnce(copied, w)
	w.kill()
	cancel()
	<-watched
	return errors.Join(err, refused)
}

func (f *files) exactlyOnce(ctx context.Context, w *worker) error {
	if err := w.connector(ctx, "source", 1, map[string]string{"connector.class": "FileStreamSource", "tasks.max": "1",
		"file": f.in, "topic": "lines", "exactly.once.support": "required"}); err != nil {
		return err
	}
	read, err := f.scene.records(ctx, "lines", count(f.written))
	if err == nil && len(read) != f.written {
		err = fmt.Errorf("%d lines were written and %d arrived", f.written, len(read))
	}
	return err
}

// soonCompacted lets the topics of configurations and of states be compacted as soon as a cleaner looks at them.
var soonCompacted = map[string]string{
	"config.storage.segment.ms": "1000", "config.storage.min.cleanable.dirty.ratio": "0",
	"status.storage.segment.ms": "1000", "status.storage.min.cleanable.dirty.ratio": "0",
}

// files are two files and the cluster that copies one into the other.
type files struct {
	cluster
	in, out string
	written int // lines so far
}

// write appends n lines to the first file.
func (f *files) write(n int) error {
	file, err := os.OpenFile(f.in, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	for range n {
		if _, err := fmt.Fprintf(file, "line %d\n", f.written); err != nil {
			return err
		}
		f.written++
	}
	return nil
}

// arrived waits until the second file has all that was written. Lines may be there more than once if that is allowed;
// else they are there once and in order.
func (f *files) arrived(ctx context.Context, doubled bool) error {
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		text, err := os.ReadFile(f.out)
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		if f.complete(lines) {
			if !doubled && len(lines) != f.written {
				return fmt.Errorf("%d lines were written and %d arrived", f.written, len(lines))
			}
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%d lines were written and %d arrived: %w", f.written, len(lines), ctx.Err())
		}
	}
}

// complete reports whether all lines are there, and the first occurrences of them in order.
func (f *files) complete(lines []string) bool {
	next := 0
	for _, line := range lines {
		if line == fmt.Sprintf("line %d", next) {
			next++
		}
	}
	return next == f.written
}

// first makes both connectors on a worker that stops well in the end.
func (f *files) first(ctx context.Context) error {
	if err := f.write(100); err != nil {
		return err
	}
	w, err := f.start(ctx)
	if err != nil {
		return err
	}
	defer w.end()
	const plain = "org.apache.kafka.connect.storage.StringConverter"
	if err := w.connector(ctx, "source", 1, map[string]string{"connector.class": "FileStreamSource", "tasks.max": "1",
		"file": f.in, "topic": "lines", "value.converter": plain,
		"topic.creation.default.replication.factor": "1", "topic.creation.default.partitions": "1"}); err != nil {
		return err
	}
	if err := w.connector(ctx, "sink", 1, map[string]string{"connector.class": "FileStreamSink", "tasks.max": "1",
		"file": f.out, "topics": "lines", "value.converter": plain}); err != nil {
		return err
	}
	if err := f.arrived(ctx, false); err != nil {
		return err
	}
	return f.compacted(ctx)
}

// compacted checks that the worker made its own topics as it needs them.
func (f *files) compacted(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(f.scene.servers))
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for topic, partitions := range map[string]int{"connect-configs": 1, "connect-offsets": 5, "connect-status": 2} {
		configs, err := adm.DescribeTopicConfigs(ctx, topic)
		if err != nil {
			return err
		}
		config, err := configs.On(topic, nil)
		if err != nil {
			return err
		}
		policy := slices.IndexFunc(config.Configs, func(c kadm.Config) bool { return c.Key == "cleanup.policy" && c.MaybeValue() == "compact" })
		topics, err := adm.ListTopics(ctx, topic)
		if err != nil {
			return err
		}
		if n := len(topics[topic].Partitions); n != partitions || policy < 0 {
			return fmt.Errorf("%s has %d partitions and %v", topic, n, config.Configs)
		}
	}
	return nil
}

// afterStop goes on where a worker stopped, without a line twice. Then the sink's offsets are reset, and it begins anew.
func (f *files) afterStop(ctx context.Context) error {
	size, err := os.Stat(f.in)
	if err != nil {
		return err
	}
	w, err := f.start(ctx)
	if err != nil {
		return err
	}
	defer w.kill() // what follows must get over that
	var at struct {
		Offsets []struct {
			Offset struct {
				Position int64 `json:"position"`
			} `json:"offset"`
		} `json:"offsets"`
	}
	if err := w.ask(ctx, http.MethodGet, "/connectors/source/offsets", nil, &at); err != nil {
		return err
	}
	if len(at.Offsets) != 1 || at.Offsets[0].Offset.Position != size.Size() {
		return fmt.Errorf("a file of %d bytes was read and the worker's offsets are %v", size.Size(), at)
	}
	if err := f.write(50); err != nil {
		return err
	}
	if err := f.arrived(ctx, false); err != nil {
		return err
	}
	if err := f.reset(ctx, w); err != nil {
		return err
	}
	return f.shrinks(ctx, w)
}

// shrinks pauses and resumes the source until two topics of the workers have been compacted: those who start later read
// what is left.
func (f *files) shrinks(ctx context.Context, w *worker) error {
	for _, topic := range []string{"connect-configs", "connect-status"} {
		for {
			for _, what := range []string{"pause", "resume"} {
				if err := w.ask(ctx, http.MethodPut, "/connectors/source/"+what, nil, nil); err != nil {
					return err
				}
			}
			if _, err := w.runs(ctx, "source", 1); err != nil {
				return err
			}
			gone, err := f.scene.gone(ctx, topic)
			if err != nil {
				return fmt.Errorf("%s is not compacted: %w", topic, err)
			}
			if gone > 0 {
				break
			}
		}
	}
	return nil
}

// reset lets the sink write everything once more, into a new file.
func (f *files) reset(ctx context.Context, w *worker) error {
	if err := w.ask(ctx, http.MethodPut, "/connectors/sink/stop", nil, nil); err != nil {
		return err
	}
	if err := w.ask(ctx, http.MethodDelete, "/connectors/sink/offsets", nil, nil); err != nil {
		return err
	}
	if err := os.Remove(f.out); err != nil {
		return err
	}
	if err := w.ask(ctx, http.MethodPut, "/connectors/sink/resume", nil, nil); err != nil {
		return err
	}
	return f.arrived(ctx, false)
}

// afterKill goes on after a kill, on two workers that share the work, of which one is killed then.
func (f *files) afterKill(ctx context.Context) error {
	if err := f.write(50); err != nil {
		return err
	}
	w, err := f.start(ctx)
	if err != nil {
		return err
	}
	defer w.end()
	if err := f.arrived(ctx, true); err != nil {
		return err
	}
	other, err := f.start(ctx)
	if err != nil {
		return err
	}
	defer other.kill()
	if err := f.on(ctx, w, 2); err != nil {
		return err
	}
	if err := f.write(50); err != nil {
		return err
	}
	if err := f.arrived(ctx, true); err != nil {
		return err
	}
	other.kill()
	if err := f.write(50); err != nil {
		return err
	}
	if err := f.on(ctx, w, 1); err != nil {
		return err
	}
	if err := f.arrived(ctx, true); err != nil {
		return err
	}
	return f.remove(ctx, w)
}

// on waits until connectors and tasks run on so many workers.
func (f *files) on(ctx context.Context, w *worker, n int) error {
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		var workers []string
		for _, name := range []string{"source", "sink"} {
			states, err := w.runs(ctx, name, 1)
			if err != nil {
				return err
			}
			for _, s := range states {
				workers = append(workers, s.Worker)
			}
		}
		slices.Sort(workers)
		if len(slices.Compact(workers)) == n {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("work is done by %v: %w", workers, ctx.Err())
		}
	}
}

// remove deletes both connectors.
func (f *files) remove(ctx context.Context, w *worker) error {
	for _, name := range []string{"source", "sink"} {
		if err := w.ask(ctx, http.MethodDelete, "/connectors/"+name, nil, nil); err != nil {
			return err
		}
	}
	var left []string
	if err := w.ask(ctx, http.MethodGet, "/connectors", nil, &left); err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("connectors are left: %v", left)
	}
	return nil
}
