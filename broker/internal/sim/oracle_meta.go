package sim

import (
	"reflect"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/quorum"
	"github.com/thalweg-io/thalweg/internal/history"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// rebuildEvery is how many new images lie between two evaluations of C-20.
const rebuildEvery = 8

// applied looks at the image that a node has come to.
func (o *oracle) applied(n *node) {
	image := n.loader.Current()
	hash := image.Hash()
	if old, ok := o.images[image.Offset()]; ok && old != hash {
		o.w.violate("C-18", "node %d has another image at offset %d than others", n.id, image.Offset())
	}
	o.images[image.Offset()] = hash
	o.w.e.note(hash)
	if o.image != nil && image.Offset() <= o.image.Offset() {
		return
	}
	if err := image.Check(); err != nil {
		o.w.violate("C-07", "image at %d: %v", image.Offset(), err)
	}
	if o.image != nil {
		o.compare(o.image, image)
	}
	o.image = image
	if o.applies++; o.applies%rebuildEvery == 0 {
		o.rebuild(image, hash)
	}
	for _, t := range o.topics {
		if is := image.Topic(t.name); image.Offset() >= t.offset && (is == nil || is.ID != t.id) {
			o.w.violate("C-01", "topic %s was created at %d and is not in the image at %d", t.name, t.offset, image.Offset())
		}
	}
}

// restored: a snapshot makes the image that everybody had at that offset (C-18, C-20).
func (o *oracle) restored(n *node, s quorum.Snapshot) {
	v, image := &o.voters[n.id], n.loader.Current()
	v.next, v.applied = s.Index+1, max(v.applied, s.Index)
	if hash, ok := o.images[s.Offset-1]; image.Offset() != s.Offset-1 || ok && hash != image.Hash() {
		o.w.violate("C-20", "node %d makes another image at %d of the snapshot of entry %d", n.id, image.Offset(), s.Index)
	}
	if s.Index > uint64(len(o.entries)) {
		o.w.violate("C-19", "node %d has a snapshot of entry %d; only %d are committed", n.id, s.Index, len(o.entries))
	}
}

// compare holds a change of the cluster against the rules for epochs (C-04, C-15).
func (o *oracle) compare(old, image *metadata.Image) {
	image.Brokers(func(b *metadata.Broker) bool {
		was := old.Broker(b.ID)
		switch {
		case was == nil:
		case b.Epoch < was.Epoch || b.Epoch == was.Epoch && b.Incarnation != was.Incarnation:
			o.w.violate("C-04", "broker %d has epoch %d after %d", b.ID, b.Epoch, was.Epoch)
		case b.Epoch == was.Epoch && b.Fenced && !was.Fenced:
			o.w.some.hit("broker fenced for silence")
		}
		return true
	})
	image.Topics(func(t *metadata.Topic) bool {
		before := old.TopicByID(t.ID)
		for i, p := range t.Partitions {
			if p.Leader == kafka.NoBroker {
				o.w.some.hit("partition without leader")
			}
			was := before.Partition(int32(i))
			if was == nil || reflect.DeepEqual(was, p) { // they may be of two nodes
				continue
			}
			if p.LeaderEpoch < was.LeaderEpoch || p.Epoch <= was.Epoch || p.Leader != was.Leader && p.LeaderEpoch == was.LeaderEpoch {
				o.w.violate("C-15", "%s-%d: leader %d epoch %d/%d after leader %d epoch %d/%d", t.Name, i,
					p.Leader, p.LeaderEpoch, p.Epoch, was.Leader, was.LeaderEpoch, was.Epoch)
			}
		}
		return true
	})
}

// rebuild makes the image again from its own records (C-20).
func (o *oracle) rebuild(image *metadata.Image, hash uint64) {
	b := metadata.NewBuilder(metadata.NewImage(metadata.ImageOptions{ClusterID: clusterID}))
	image.Records(func(r schema.Record, _ int16) bool {
		o.w.must(b.Apply(r))
		return true
	})
	if got := b.View().Hash(); got != hash {
		o.w.violate("C-20", "the image at %d and what its records make differ", image.Offset())
	}
}

// answered: what a controller answers is committed, and never undone (C-01).
func (o *oracle) answered(n *node, req kmsg.Request, resp kmsg.Response, err error) {
	if err != nil {
		return
	}
	image := n.loader.Current()
	switch resp := resp.(type) {
	case *kmsg.CreateTopicsResponse:
		for i := range resp.Topics {
			t := &resp.Topics[i]
			if t.ErrorCode != 0 {
				continue
			}
			o.w.some.hit("topic created")
			o.w.say("note over n%d: topic %s is created", n.id, t.Topic)
			if is := image.Topic(t.Topic); is == nil || is.ID != kafka.TopicID(t.TopicID) {
				o.w.violate("C-01", "node %d answers that topic %s is created; its image at %d has no such topic", n.id, t.Topic, image.Offset())
			}
			o.topics = append(o.topics, createdTopic{t.Topic, t.TopicID, image.Offset()})
		}
	case *kmsg.AllocateProducerIDsResponse:
		if resp.ErrorCode == 0 {
			o.allocated(n, idBlock{resp.ProducerIDStart, resp.ProducerIDStart + int64(resp.ProducerIDLen)})
		}
	case *kmsg.BrokerRegistrationResponse:
		if resp.ErrorCode != 0 {
			return
		}
		id := kafka.UUID(req.(*kmsg.BrokerRegistrationRequest).IncarnationID)
		epoch := kafka.BrokerEpoch(resp.BrokerEpoch)
		if old, ok := o.epochs[epoch]; ok && old != id {
			o.w.violate("C-04", "broker epoch %d was given twice", epoch)
		}
		o.epochs[epoch] = id
	}
}

func (o *oracle) allocated(n *node, b idBlock) {
	o.w.some.hit("producer ids allocated")
	for _, other := range o.ids {
		if b.first < other.end && other.first < b.end {
			o.w.violate("C-01", "node %d gives producer ids %d to %d, of which some were given before", n.id, b.first, b.end-1)
		}
	}
	o.ids = append(o.ids, b)
}

// judge looks back at a whole run.
func (o *oracle) judge() {
	h := history.New()
	var keys []kafka.TopicPartition
	for _, at := range o.w.plan.partitions() {
		if o.life(at) == 0 {
			keys = append(keys, at)
		}
	}
	for _, op := range o.ops {
		op.write(h, keys)
	}
	r, err := history.Check(h, history.Options{NoFinalReads: !o.w.plan.hasConsumer(), LogStart: o.logStarts(h, keys)})
	o.w.must(err)
	if !r.Valid() {
		o.w.violate("history", "%v", r)
	}
}

// logStarts is where the logs of keys begin at the end of the run.
func (o *oracle) logStarts(h *history.History, keys []kafka.TopicPartition) []int64 {
	for _, n := range o.w.nodes {
		if n.dir == nil {
			continue
		}
		for _, lg := range n.dir.Logs() {
			if at := lg.ID().TopicPartition(); o.owner(at) == n.id {
				o.started(n, lg)
			}
		}
	}
	var out []int64
	for _, at := range keys {
		k := int(h.Key(at.Topic, at.Partition))
		out = append(out, make([]int64, max(0, k+1-len(out)))...)
		out[k] = o.part(at).start
	}
	return out
}

func (p *Plan) hasConsumer() bool {
	for _, c := range p.Clients {
		if c.Kind == Consumer {
			return true
		}
	}
	return false
}
