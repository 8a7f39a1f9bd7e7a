package storage

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// diverges is a leader's half of truncate on fetch (KIP-595): where the logs part, if it can be seen from the
// follower's last epoch and its log end.
func diverges(leader, follower *Log) (epoch kafka.LeaderEpoch, end int64, yes bool) {
	last := follower.LatestEpoch()
	if last == kafka.NoLeaderEpoch {
		return 0, 0, false
	}
	epoch, end = leader.EndOffsetForEpoch(last)
	return epoch, end, epoch < last || end < follower.LogEndOffset()
}

// catchUp lets a follower truncate as often as its leader says, and then copy up to limit bytes. It returns
// how many rounds the truncation took.
func catchUp(t *testing.T, leader, follower *Log, limit int32) (rounds int) {
	for ; ; rounds++ {
		epoch, end, yes := diverges(leader, follower)
		if !yes {
			break
		}
		if rounds > 20 {
			t.Fatal("the truncation goes on for ever")
		}
		to := min(end, follower.LogEndOffset())
		if own, ownEnd := follower.EndOffsetForEpoch(epoch); own != kafka.NoLeaderEpoch {
			to = min(to, ownEnd)
		}
		if err := follower.TruncateTo(max(to, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if limit == 0 || follower.LogEndOffset() >= leader.LogEndOffset() {
		return rounds
	}
	s, err := leader.Read(follower.LogEndOffset(), limit, math.MaxInt64, true)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := follower.AppendAsFollower(b, 0); err != nil {
		t.Fatalf("copy at %d: %v", follower.LogEndOffset(), err)
	}
	return rounds
}

// epochsOf are the epochs that the batches of a log show.
func epochsOf(t *testing.T, content []byte) (out []epochEntry) {
	for _, b := range batches(t, content) {
		if n := len(out); n == 0 || out[n-1].epoch < b.LeaderEpoch() {
			out = append(out, epochEntry{b.LeaderEpoch(), b.BaseOffset()})
		}
	}
	return out
}

// FuzzTruncate: three replicas take turns at leading, each epoch one of them, also without having caught up
// (unclean); the others follow it or are away. Then each follows the last leader: after at most one round
// for every epoch and one more its log is a byte prefix of the leader's, at the end the same,
// and its epoch cache is what its batches say, but for epochs without any.
func FuzzTruncate(f *testing.F) {
	f.Add([]byte{0, 3, 0x12, 1, 2, 0x00, 0, 1, 0x21})
	f.Add([]byte{0, 2, 0x00, 1, 2, 0x00, 2, 2, 0x00, 0, 1, 0x00, 1, 0, 0x11, 2, 3, 0x30})
	f.Add([]byte{2, 0, 0x33, 1, 0, 0x00, 0, 5, 0x20, 1, 1, 0x02, 2, 1, 0x80})
	f.Fuzz(func(t *testing.T, script []byte) {
		d := openTestDir(t, vfs.NewMem())
		var logs [3]*Log
		for i := range logs {
			l, err := d.OpenLog(kafka.TopicIDPartition{ID: testTopic.ID, Topic: "t", Partition: int32(i)}, Config{SegmentBytes: 500}, nil)
			if err != nil {
				t.Fatal(err)
			}
			logs[i] = l
		}
		epoch, clock, lead := kafka.LeaderEpoch(0), int64(0), 0
		for ; len(script) >= 3 && epoch < 12; epoch++ {
			lead = int(script[0]) % 3
			leader := logs[lead]
			leader.AssignEpoch(epoch)
			for range script[1] % 6 {
				clock += 100
				if _, err := leader.Append(makeBatch(1+int(script[1]>>4)%3, 20, clock, compress.None), epoch, 0); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 2 { // a follower is away, or does some steps
				follower, steps := logs[(lead+1+i)%3], int(script[2]>>(4*i))%16
				for range min(steps, 4) {
					catchUp(t, leader, follower, int32(steps*40))
				}
			}
			if script[2] >= 0xe0 { // and some epochs pass without anybody noticing
				epoch += 2
			}
			script = script[3:]
		}
		leader := logs[lead]
		leader.AssignEpoch(epoch)
		all := readAll(t, leader, 0, math.MaxInt64)
		for i, l := range logs {
			if i == lead {
				continue
			}
			if rounds := catchUp(t, leader, l, 0); rounds > int(epoch)+1 {
				t.Fatalf("%d rounds for %d epochs", rounds, epoch)
			}
			if got := readAll(t, l, 0, math.MaxInt64); !bytes.HasPrefix(all, got) {
				t.Fatalf("replica %d is no prefix of the leader's log", i)
			}
			for l.LogEndOffset() < leader.LogEndOffset() {
				if n := catchUp(t, leader, l, math.MaxInt32); n > 0 {
					t.Fatalf("replica %d truncates again", i)
				}
			}
			if got := readAll(t, l, 0, math.MaxInt64); !bytes.Equal(all, got) {
				t.Fatalf("replica %d: %d bytes, the leader has %d", i, len(got), len(all))
			}
		}
		for i, l := range logs {
			want, n := epochsOf(t, all), 0
			for j := 1; j < len(l.epochs.mu.entries); j++ {
				if a, b := l.epochs.mu.entries[j-1], l.epochs.mu.entries[j]; a.epoch >= b.epoch || a.start > b.start {
					t.Fatalf("replica %d: epochs %v", i, l.epochs.mu.entries)
				}
			}
			for _, e := range l.epochs.mu.entries {
				if slices.Contains(want, e) {
					n++
				}
			}
			if n != len(want) {
				t.Fatalf("replica %d: epochs %v, the batches say %v", i, l.epochs.mu.entries, want)
			}
		}
	})
}
