package admin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// remove asks for topics to be deleted, by name.
func (r *rig) remove(version int16, names ...string) *kmsg.DeleteTopicsResponse {
	r.t.Helper()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version, req.TimeoutMillis, req.TopicNames = version, 1000, names
	for i := range names {
		req.Topics = append(req.Topics, kmsg.DeleteTopicsRequestTopic{Topic: &names[i]})
	}
	return call[*kmsg.DeleteTopicsResponse](r, r.h.DeleteTopics, req)
}

// outcomes are the answers as "name id error", in order.
func outcomes(resp *kmsg.DeleteTopicsResponse) string {
	var out []string
	for _, t := range resp.Topics {
		s := "-"
		if t.Topic != nil {
			s = *t.Topic
		}
		s += fmt.Sprintf(" %d", t.TopicID[0])
		if e, ok := kerr.ErrorForCode(t.ErrorCode).(*kerr.Error); ok {
			s += " " + e.Message
		}
		if t.ErrorMessage != nil {
			s += ": " + *t.ErrorMessage
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

func TestDeleteTopicsAtEveryVersion(t *testing.T) {
	r := newRig(t)
	for v := int16(1); v <= 6; v++ {
		id := r.create("a", 2, "retention.ms", "1")
		want := "a 0; b 0 UNKNOWN_TOPIC_OR_PARTITION"
		if v >= 5 {
			want += ": " + kerr.UnknownTopicOrPartition.Description
		}
		if v >= 6 {
			want = strings.Replace(want, "a 0", fmt.Sprintf("a %d", id[0]), 1)
		}
		if got := outcomes(r.remove(v, "a", "b")); got != want {
			t.Errorf("v%d: %s, want %s", v, got, want)
		}
		if r.loader.Current().Topic("a") != nil {
			t.Errorf("v%d: still there", v)
		}
		r.create("a", 1) // at once
		r.wantConfig(ofTopic, "a", "retention.ms=86400000 5")
		r.remove(v, "a")
	}
}

func TestPoint025DeleteTopicsByNameOrID(t *testing.T) {
	r := newRig(t)
	a, b := "a", "b"
	f := func(want string, topics ...kmsg.DeleteTopicsRequestTopic) {
		t.Helper()
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version, req.TimeoutMillis, req.Topics = 6, 1000, topics
		if got := outcomes(call[*kmsg.DeleteTopicsResponse](r, r.h.DeleteTopics, req)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	idA, idB := r.create(a, 1), r.create(b, 1)
	byID := func(id [16]byte) kmsg.DeleteTopicsRequestTopic { return kmsg.DeleteTopicsRequestTopic{TopicID: id} }
	byName := func(name *string) kmsg.DeleteTopicsRequestTopic { return kmsg.DeleteTopicsRequestTopic{Topic: name} }
	f("- 99 UNKNOWN_TOPIC_ID: "+kerr.UnknownTopicID.Description, byID([16]byte{99}))
	f("a 1 INVALID_REQUEST: You may not specify both topic name and topic id.", kmsg.DeleteTopicsRequestTopic{Topic: &a, TopicID: idA})
	f("- 0 INVALID_REQUEST: Neither topic name nor id were specified.", kmsg.DeleteTopicsRequestTopic{})
	f("a 0 INVALID_REQUEST: Duplicate topic name.", byName(&a), byName(&a))
	f("- 1 INVALID_REQUEST: Duplicate topic id.", byID(idA), byID(idA), byID(idA))
	r.deny["delete/a"], r.deny["describe/b"] = true, true
	f("a 0 TOPIC_AUTHORIZATION_FAILED; b 0 TOPIC_AUTHORIZATION_FAILED", byName(&a), byName(&b))
	f("a 1 TOPIC_AUTHORIZATION_FAILED; - 2 UNKNOWN_TOPIC_ID", byID(idA), byID(idB))
	clear(r.deny)
	if r.loader.Current().NumTopics() != 2 {
		t.Error("something was deleted")
	}
	f("a 1; b 2", byID(idA), byName(&b))
	if r.loader.Current().NumTopics() != 0 {
		t.Error("not everything was deleted")
	}
}

func TestDeleteTopicsIsDisabled(t *testing.T) {
	r := newRig(t)
	r.create("a", 1)
	r.h.NoDelete = true
	for v := int16(1); v <= 6; v++ {
		want := kerr.TopicDeletionDisabled
		if v < 3 {
			want = kerr.InvalidRequest
		}
		if resp := r.remove(v, "a"); len(resp.Topics) != 1 || resp.Topics[0].ErrorCode != want.Code {
			t.Errorf("v%d: %+v", v, resp)
		}
	}
	if r.loader.Current().Topic("a") == nil {
		t.Error("deleted")
	}
}
