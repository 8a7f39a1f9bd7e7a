package sim

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// connection carries one request and its answer. done is called exactly once: with the answer, or
// with errRefused, errLost or errTimeout.
type connection struct {
	w        *world
	from, to int
	done     func(answer any, err error)
	over     bool
}

// exchange sends a request to the present process of a node and has it served there.
func (w *world) exchange(from, to int, kind string, data []byte, within time.Duration, serve func(*connection), done func(any, error)) {
	w.exchangeLate(from, to, kind, data, within, 0, serve, done)
}

// exchangeLate is exchange with a connection that keeps the request for a while, perhaps for longer than anybody waits for the answer.
func (w *world) exchangeLate(from, to int, kind string, data []byte, within, late time.Duration, serve func(*connection), done func(any, error)) {
	c := &connection{w: w, from: from, to: to, done: done}
	n := w.nodes[to]
	generation := n.generation
	w.net.send(packet{
		from: from, to: to, kind: kind, data: data, late: late,
		delivered: func() {
			switch {
			case !n.up:
				w.e.After(w.net.o.Latency, "refused", from, func() { c.end(nil, errRefused) })
			case n.generation != generation:
				w.e.After(w.net.o.Latency, "reset", from, c.lost)
			default:
				n.later(0, kind, func() { serve(c) })
			}
		},
		lost: c.lost,
	})
	w.e.After(within, "time-out", from, func() { c.end(nil, errTimeout) })
}

// answer sends the answer back; data is what the trace hash sees of it.
func (c *connection) answer(kind string, data []byte, answer any) {
	c.w.net.send(packet{
		from: c.to, to: c.from, kind: kind, data: data,
		delivered: func() { c.end(answer, nil) },
		lost:      c.lost,
	})
}

// lost ends the connection without an answer.
func (c *connection) lost() { c.end(nil, errLost) }

func (c *connection) end(answer any, err error) {
	if !c.over {
		c.over = true
		c.done(answer, err)
	}
}

// controlWithin bounds a request to the controller.
const controlWithin = 2 * time.Second

// refusal is the answer of a node that cannot serve a request.
type refusal struct{ err error }

// askNode sends a request to the controller of a node. Request and answer cross the link in Kafka's encoding.
// The error is that of the connection or, as in the broker, the one that the decision ended with.
func (w *world) askNode(from, to int, req kmsg.Request, done func(kmsg.Response, error)) {
	data, key, version := req.AppendTo(nil), req.Key(), req.GetVersion()
	n := w.nodes[to]
	w.exchange(from, to, kmsg.NameForKey(key), data, controlWithin, func(c *connection) {
		n.decide(data, key, version, func(resp kmsg.Response, err error) {
			if err != nil || resp == nil {
				c.answer("refusal", nil, refusal{err})
				return
			}
			c.answer(kmsg.NameForKey(key)+" answer", nil, resp.AppendTo(nil))
		})
	}, func(answer any, err error) {
		switch a := answer.(type) {
		case refusal:
			done(nil, a.err)
		case []byte:
			resp := req.ResponseKind()
			resp.SetVersion(version)
			if err := resp.ReadFrom(a); err != nil {
				w.violate("encoding", "answer %d v%d: %v", key, version, err)
			}
			done(resp, nil)
		default:
			done(nil, err)
		}
	})
}
