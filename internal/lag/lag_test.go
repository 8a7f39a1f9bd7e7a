package lag

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestOf(t *testing.T) {
	f := func(committed, end, want int64, known bool) {
		t.Helper()
		if got, ok := Of(committed, end); got != want || ok != known {
			t.Errorf("Of(%d, %d) = %d, %v", committed, end, got, ok)
		}
	}
	f(3, 10, 7, true)
	f(10, 10, 0, true)
	f(12, 10, -2, true)
	f(None, 10, 0, false)
	f(3, None, 0, false)
	f(0, 0, 0, true)
}

// A group's standing in records and in time: behind, done, nothing committed, and a topic that is gone; and what an open
// transaction hides from a group that reads committed records only.
func TestMeasure(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "t"), kfake.SeedTopics(1, "gone"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionalID("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	now := time.UnixMilli(1_700_000_000_000)
	produce := func(p int32, ages ...time.Duration) {
		t.Helper()
		for _, age := range ages {
			if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "t", Partition: p, Timestamp: now.Add(-age), Value: []byte("v")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(0, 9*time.Second, 8*time.Second, 7*time.Second)
	produce(1, 5*time.Second)
	if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(0, 2*time.Second)
	if err := cl.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	adm := kadm.NewClient(cl)
	var os kadm.Offsets
	os.AddOffset("t", 0, 1, -1)
	os.AddOffset("t", 1, 2, -1)
	if err := adm.CommitAllOffsets(ctx, "g", os); err != nil {
		t.Fatal(err)
	}
	if _, err := adm.DeleteTopics(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	also := kadm.TopicsSet{}
	also.Add("t", 0, 2)
	also.Add("gone", 0)
	f := func(committed bool, want ...string) {
		t.Helper()
		all, err := Measure(ctx, cl, "g", Options{Committed: committed, Times: true, Now: now, Also: also})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range all {
			lag, ok := p.Lag()
			got = append(got, fmt.Sprintf("%s-%d: %d..%d lag %d %v, %v %v, %v", p.Topic, p.Partition, p.Committed, p.End, lag, ok, p.Waiting, p.WaitingKnown, p.Err != nil))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	f(false, "gone-0: -1..-1 lag 0 false, 0s false, true", "t-0: 1..5 lag 4 true, 8s true, false", "t-1: 2..2 lag 0 true, 0s true, false", "t-2: -1..0 lag 0 false, 0s false, false")
	f(true, "gone-0: -1..-1 lag 0 false, 0s false, true", "t-0: 1..4 lag 3 true, 8s true, false", "t-1: 2..2 lag 0 true, 0s true, false", "t-2: -1..0 lag 0 false, 0s false, false")
	if all, err := Measure(ctx, cl, "nobody", Options{Times: true}); len(all) > 0 || err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		t.Errorf("%v, %v", all, err)
	}
}
