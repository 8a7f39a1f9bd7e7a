package cli

import (
	"context"
	"regexp"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/internal/cli/golden"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// withGroup is a foreign cluster with a topic of two partitions and a group that has read a part of it.
func withGroup(t *testing.T) string {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "orders"), kfake.SeedTopics(1, "other"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for i := range 10 {
		r := &kgo.Record{Topic: "orders", Partition: int32(i % 2), Timestamp: time.UnixMilli(1_700_000_000_000 - int64(10-i)*1000), Value: []byte("v")}
		if err := cl.ProduceSync(ctx, r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	var os kadm.Offsets
	os.AddOffset("orders", 0, 2, -1)
	os.AddOffset("orders", 1, 5, -1)
	if err := kadm.NewClient(cl).CommitAllOffsets(ctx, "billing", os); err != nil {
		t.Fatal(err)
	}
	return c.ListenAddrs()[0]
}

// TestGoldenGroups runs the scripts of testdata/groups, which need a group that has committed offsets.
func TestGoldenGroups(t *testing.T) { player.Play(t, "testdata/groups/*.txt", withGroup) }

// A group with members is described with its readers, and is neither moved nor deleted.
func TestGroupWithMembers(t *testing.T) {
	addr := withGroup(t)
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("busy"), kgo.ClientID("reader"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	for n := 0; n < 10; {
		f := cl.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		n += f.NumRecords()
	}
	if err := cl.CommitUncommittedOffsets(ctx); err != nil {
		t.Fatal(err)
	}
	f := func(want, line string) {
		t.Helper()
		got := regexp.MustCompile(`HOST:\d+`).ReplaceAllString(player.Steady(golden.Outcome(execute(line+" -b "+addr, "", t.TempDir())), addr, "/nowhere"), "HOST")
		if got != want {
			t.Errorf("%s:\n%s", line, got)
		}
	}
	f("busy→orders→0→5→5→0→0ms→reader@HOST→-\nbusy→orders→1→5→5→0→0ms→reader@HOST→-\nexit 0\n", "group describe busy")
	f("! thalweg: cannot move the offsets of group busy: The group is not empty; stop its members first\nexit 1\n", "group reset-offsets busy --to start")
	f("! thalweg: cannot delete group busy: The group is not empty; stop its members first\nexit 1\n", "group delete busy")
}
