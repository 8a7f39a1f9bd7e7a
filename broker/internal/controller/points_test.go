package controller

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestPoint021TopicNames(t *testing.T) {
	c := newCluster(t, 1, nil)
	c.lead()
	c.start(1, 1)
	f := func(name string, code int16) {
		t.Helper()
		if got := c.create(newTopic(name, 1, 1)).Topics[0].ErrorCode; got != code {
			t.Errorf("%.20q: %v, want %v", name, kerr.ErrorForCode(got), kerr.ErrorForCode(code))
		}
	}
	bad := kerr.InvalidTopicException.Code
	f("a", 0)
	f("aZ0._-", 0)
	f(strings.Repeat("x", 249), 0)
	f(strings.Repeat("x", 250), bad)
	f("", bad)
	f(".", bad)
	f("..", bad)
	f("...", 0)
	f("a b", bad)
	f("ä", bad)
	f("a.b_c", 0)
	f("a_b_c", bad) // differs only in . and _
	f("a.b.c", bad)
	f("a-b-c", 0)
	f("a.b_c", kerr.TopicAlreadyExists.Code)
}

// TestPoint023AnsweredWhenCommitted: not when proposed.
func TestPoint023AnsweredWhenCommitted(t *testing.T) {
	c := newCluster(t, 1, nil)
	c.lead()
	c.start(1, 1)
	a := c.do(func() Decision { return c.controller.CreateTopics(creation(newTopic("t", 1, 1)), Caller{}) })
	if a.times != 0 || c.loader.Current().Topic("t") != nil {
		t.Fatalf("answered %d times before the commit", a.times)
	}
	c.commitAll()
	resp, _ := a.answer.(*kmsg.CreateTopicsResponse)
	if a.times != 1 || resp == nil || resp.Topics[0].ErrorCode != 0 || c.loader.Current().Topic("t") == nil {
		t.Fatalf("answered %d times with %+v", a.times, a.answer)
	}
}
