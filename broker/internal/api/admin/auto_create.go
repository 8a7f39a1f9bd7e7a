package admin

import (
	"strconv"
	"sync"

	"github.com/thalweg-io/thalweg/broker/internal/controller"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxCreating bounds how many topics may be in the making by auto-creation at once; what is
// asked for beyond it is asked for again by the client's next Metadata request.
const maxCreating = 1000

// autoCreateTimeoutMs is what the controller is given; nobody waits for it.
const autoCreateTimeoutMs = 30_000

// creating is the names that are being created, so that many clients that ask for one new topic
// make one request.
type creating struct {
	mu    sync.Mutex
	names map[string]struct{}
}

// claim returns those of the names that nobody is creating yet, and remembers them.
func (c *creating) claim(names []string) (mine []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.names == nil {
		c.names = make(map[string]struct{})
	}
	for _, n := range names {
		if _, ok := c.names[n]; ok || len(c.names) >= maxCreating {
			continue
		}
		c.names[n] = struct{}{}
		mine = append(mine, n)
	}
	return mine
}

func (c *creating) release(names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range names {
		delete(c.names, n)
	}
}

// autoCreate asks the controller for topics with the broker's defaults and does not wait: the client was
// told UNKNOWN_TOPIC_OR_PARTITION and asks again (SURFACE 16).
func (h *Handlers) autoCreate(r *network.Request, names []string) { h.demand(names, h.caller(r)) }

// CreateInternal asks the controller for a topic that this broker itself needs, and does not wait. It may be called from any
// goroutine.
func (h *Handlers) CreateInternal(name string) {
	h.demand([]string{name}, controller.Caller{Principal: "broker " + strconv.Itoa(int(h.Self))})
}

func (h *Handlers) demand(names []string, caller controller.Caller) {
	mine := h.creating.claim(names)
	if len(mine) == 0 {
		return
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.SetVersion(req.MaxVersion())
	req.TimeoutMillis = autoCreateTimeoutMs
	for _, n := range mine {
		req.Topics = append(req.Topics, newTopic(n, h.Image()))
	}
	h.Controller.Request(req, caller, func(resp kmsg.Response, err error) {
		h.creating.release(mine)
		if err != nil {
			h.Logger.Warn("topics were not created automatically", "topics", mine, "err", err)
			return
		}
		for _, t := range resp.(*kmsg.CreateTopicsResponse).Topics {
			if t.ErrorCode != 0 && t.ErrorCode != kerr.TopicAlreadyExists.Code {
				h.Logger.Warn("topic was not created automatically", "topic", t.Topic, "err", kerr.ErrorForCode(t.ErrorCode))
			}
		}
	})
}
