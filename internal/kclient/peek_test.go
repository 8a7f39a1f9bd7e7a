package kclient

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A record is found at its place; behind the last one there is none; the records of an aborted
// transaction are passed over if they are not wanted.
func TestPeek(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.DefaultProduceTopic("t"), kgo.TransactionalID("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for _, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(ctx, kgo.StringRecord("v")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := cl.EndTransaction(ctx, end); err != nil {
			t.Fatal(err)
		}
	}
	f := func(offset int64, committed bool, wantOffset, wantNext int64) {
		t.Helper()
		info := c.TopicInfo("t")
		p, err := Peek(ctx, cl, Place{Topic: "t", TopicID: info.TopicID, Leader: c.LeaderFor("t", 0), Offset: offset}, committed)
		if err != nil {
			t.Fatal(err)
		}
		got := int64(-1)
		if p.Record != nil {
			got = p.Record.Offset
		}
		if got != wantOffset || p.Next != wantNext || p.End != 4 {
			t.Errorf("at %d: record %d, next %d, end %d", offset, got, p.Next, p.End)
		}
	}
	// 0 committed, 1 its marker, 2 aborted, 3 its marker.
	f(0, false, 0, 4)
	f(1, false, 2, 4)
	f(1, true, -1, 4)
	f(4, false, -1, 4)
	if _, err := Peek(ctx, cl, Place{Topic: "t", TopicID: c.TopicInfo("t").TopicID, Leader: c.LeaderFor("t", 0), Offset: 9}, false); !errors.Is(err, kerr.OffsetOutOfRange) {
		t.Error(err)
	}
}
