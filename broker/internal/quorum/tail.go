package quorum

import pb "go.etcd.io/raft/v3/raftpb"

// tail keeps the youngest entries of the log in memory, at most maxBytes of them but always the
// last one. What a healthy follower still needs and what is about to be applied is usually here.
type tail struct {
	maxBytes int
	bytes    int
	first    uint64 // index of entries[0]; meaningless if there are none
	entries  []*pb.Entry
}

// tailEntryBytes is what an entry costs beside its data.
const tailEntryBytes = 128

func tailCost(e *pb.Entry) int { return tailEntryBytes + len(e.GetData()) }

// add appends the entry that follows the last one.
func (t *tail) add(e *pb.Entry) {
	if len(t.entries) == 0 {
		t.first = e.GetIndex()
	}
	t.entries = append(t.entries, e)
	t.bytes += tailCost(e)
	drop := 0
	for t.bytes > t.maxBytes && drop < len(t.entries)-1 {
		t.bytes -= tailCost(t.entries[drop])
		t.entries[drop] = nil
		drop++
	}
	t.entries = t.entries[drop:]
	t.first += uint64(drop)
}

// cutFrom drops the entry at index and what follows.
func (t *tail) cutFrom(index uint64) {
	for n := len(t.entries); n > 0 && t.first+uint64(n) > index; n-- {
		t.bytes -= tailCost(t.entries[n-1])
		t.entries[n-1] = nil
		t.entries = t.entries[:n-1]
	}
}

// cutTo drops the entries up to and including index.
func (t *tail) cutTo(index uint64) {
	for len(t.entries) > 0 && t.first <= index {
		t.bytes -= tailCost(t.entries[0])
		t.entries[0] = nil
		t.entries = t.entries[1:]
		t.first++
	}
}

// from returns the entries from index on, or none if they are not all here.
func (t *tail) from(index uint64) []*pb.Entry {
	if len(t.entries) == 0 || index < t.first || index >= t.first+uint64(len(t.entries)) {
		return nil
	}
	return t.entries[index-t.first:]
}
