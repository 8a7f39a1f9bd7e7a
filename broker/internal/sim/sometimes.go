package sim

import (
	"maps"
	"slices"
)

// Sometimes counts the interesting states that runs have reached. A campaign in which one was
// never reached has tested less than it says, and fails.
type Sometimes struct {
	counts map[string]int64
}

// sometimes are the states that every campaign must reach.
var sometimes = []string{
	"message lost", "message duplicated", "message reordered", "message cut off by a partition", "message lost by a reset",
	"power cut", "power cut, all unsynced lost", "kill -9", "crash in the middle of an operation", "crash while starting",
	"clean stop", "clean start", "start on an empty data disk", "start on an old data disk",
	"node paused", "clock jumped forward", "clock jumped back", "clock drifts",
	"sync failed", "directory offline", "no space",
	"election", "leader deposed", "second term on one node",
	"quorum of 1", "quorum of 3", "quorum of 5",
	"voter removed", "voter added",
	"registration refused while the session runs", "broker fenced for silence", "partition without leader",
	"produce acknowledged", "produce with acks=1", "produce with acks=0", "produce refused", "produce open", "produce answered after a crash of its node",
	"idempotent produce acknowledged", "idempotent produce acknowledged after another try", "duplicate answered with its original place",
	"idempotent produce ahead of its turn", "new producer epoch after a disk was lost",
	"segments deleted by retention", "reader below the log start",
	"poll returned records", "poll refused", "poll open", "unflushed tail lost", "segment rolled",
	"member has its assignment", "committed offsets fetched", "offset committed", "commit open", "member crashed", "member leaves", "coordinator loading",
	"member told REBALANCE_IN_PROGRESS", "member told UNKNOWN_MEMBER_ID", "member told NOT_COORDINATOR", "member told ILLEGAL_GENERATION",
	"member of the newer protocol joined", "partition assigned by the coordinator", "partition revoked by the coordinator", "member told UNRELEASED_INSTANCE_ID",
	"simple consumer committed", "simple consumer read", "request stuck in its connection", "member back in a newer generation after an open commit",
	"committed offsets judged as registers", "commit of unknown outcome", "commit of unknown outcome read later",
	"empty group changes its protocol", "group with members changes its protocol",
	"topic created", "producer ids allocated", "controller answer open", "flush.policy=os", "metadata log compacted", "snapshot installed", "recovered twice",
}

// NewSometimes counts nothing yet.
func NewSometimes() *Sometimes { return &Sometimes{counts: map[string]int64{}} }

func (s *Sometimes) hit(name string) {
	s.counts[name]++
}

// Add adds the counts of another run.
func (s *Sometimes) Add(o *Sometimes) {
	for _, name := range slices.Sorted(maps.Keys(o.counts)) {
		s.counts[name] += o.counts[name]
	}
}

// Count is how often a state was reached.
func (s *Sometimes) Count(name string) int64 { return s.counts[name] }

// Names are all states that a campaign must reach, in order of the table, then others that were
// reached, sorted.
func (s *Sometimes) Names() []string {
	names := slices.Clone(sometimes)
	for _, name := range slices.Sorted(maps.Keys(s.counts)) {
		if !slices.Contains(sometimes, name) {
			names = append(names, name)
		}
	}
	return names
}

// Missing are the states that were never reached.
func (s *Sometimes) Missing() []string {
	var out []string
	for _, name := range sometimes {
		if s.counts[name] == 0 {
			out = append(out, name)
		}
	}
	return out
}
