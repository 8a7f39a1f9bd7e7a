package group

import (
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestKeptBytesAreTheGroups: what members say in JoinGroup and what their leader says in SyncGroup is
// kept by the group; it stays what it was when the frame's memory is used for another request.
func TestKeptBytesAreTheGroups(t *testing.T) {
	const kept = "what stays when the frame is gone"
	decode := func(req, into kmsg.Request) {
		t.Helper()
		req.SetVersion(5)
		r := &network.Request{Header: wire.Header{Key: req.Key(), Version: 5}, Payload: req.AppendTo(nil)}
		frame := r.Payload
		if err := decodeKept(r, into); err != nil {
			t.Fatal(err)
		}
		clear(frame)
	}
	join, joined := kmsg.NewPtrJoinGroupRequest(), kmsg.NewPtrJoinGroupRequest()
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte(kept)}}
	decode(join, joined)
	if got := string(joined.Protocols[0].Metadata); got != kept {
		t.Errorf("the metadata of a member became %q", got)
	}
	sync, synced := kmsg.NewPtrSyncGroupRequest(), kmsg.NewPtrSyncGroupRequest()
	sync.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: "m", MemberAssignment: []byte(kept)}}
	decode(sync, synced)
	if got := string(synced.GroupAssignment[0].MemberAssignment); got != kept {
		t.Errorf("the assignment of a member became %q", got)
	}
}
