package broker_test

import (
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ask sends a request in its version and decodes the answer.
func ask[R kmsg.Response](c *rawClient, req kmsg.Request, flexible bool) R {
	c.t.Helper()
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	if err := resp.ReadFrom(c.call(frame(req))[headerTag(flexible):]); err != nil {
		c.t.Fatal(err)
	}
	return resp.(R)
}

func metadataFor(c *rawClient, version int16, auto bool, topics ...kmsg.MetadataRequestTopic) *kmsg.MetadataResponse {
	c.t.Helper()
	req := kmsg.NewPtrMetadataRequest()
	req.SetVersion(version)
	req.Topics, req.AllowAutoTopicCreation = topics, auto
	return ask[*kmsg.MetadataResponse](c, req, version >= 9)
}

func named(name string) kmsg.MetadataRequestTopic {
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = &name
	return t
}

func byID(id [16]byte) kmsg.MetadataRequestTopic {
	t := kmsg.NewMetadataRequestTopic()
	t.TopicID = id
	return t
}

func TestMetadataAtEveryVersion(t *testing.T) {
	b := brokertest.Start(t)
	c := dialRaw(t, b.Addr())
	id := createTopic(t, c, "orders")
	for v := int16(0); v <= 13; v++ {
		resp := metadataFor(c, v, false, named("orders"), named("orders"))
		if len(resp.Brokers) != 1 || resp.Brokers[0].Port != int32(b.Listeners()[0].Port) || resp.Brokers[0].Host != "127.0.0.1" {
			t.Errorf("v%d: brokers %+v", v, resp.Brokers)
		}
		if v >= 1 && resp.ControllerID != 1 || v >= 2 && (resp.ClusterID == nil || *resp.ClusterID != b.ClusterID()) {
			t.Errorf("v%d: controller %d, cluster %v", v, resp.ControllerID, resp.ClusterID)
		}
		if len(resp.Topics) != 1 { // asked for twice
			t.Fatalf("v%d: topics %+v", v, resp.Topics)
		}
		topic := resp.Topics[0]
		if topic.ErrorCode != 0 || *topic.Topic != "orders" || v >= 10 && topic.TopicID != id || len(topic.Partitions) != 1 {
			t.Errorf("v%d: %+v", v, topic)
		}
		if p := topic.Partitions[0]; p.Leader != 1 || len(p.ISR) != 1 || len(p.OfflineReplicas) != 0 || p.ErrorCode != 0 {
			t.Errorf("v%d: %+v", v, p)
		}
	}
}

func TestPoint015NullAndEmptyTopicLists(t *testing.T) {
	c := dialRaw(t, brokertest.Start(t).Addr())
	id := createTopic(t, c, "a")
	createTopic(t, c, "b")
	f := func(version int16, want string, topics ...kmsg.MetadataRequestTopic) {
		t.Helper()
		var got []string
		for _, topic := range metadataFor(c, version, false, topics...).Topics {
			name := "?"
			if topic.Topic != nil {
				name = *topic.Topic
			}
			if topic.ErrorCode != 0 {
				name += ":" + strings.SplitN(kerr.ErrorForCode(topic.ErrorCode).Error(), ":", 2)[0]
			}
			got = append(got, name)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("v%d: %q, want %q", version, s, want)
		}
	}
	none := []kmsg.MetadataRequestTopic{} // empty; no arguments are null
	f(0, "a b", none...)
	f(1, "", none...)
	f(13, "", none...)
	f(1, "a b")
	f(13, "a b")
	f(13, "b a", named("b"), named("a"), named("b"))
	f(1, "c:UNKNOWN_TOPIC_OR_PARTITION", named("c"))
	f(1, "..:INVALID_TOPIC_EXCEPTION a/b:INVALID_TOPIC_EXCEPTION", named(".."), named("a/b"))
	f(12, "a", byID(id))
	f(12, "?:UNKNOWN_TOPIC_ID", byID([16]byte{1}))
	both := named("a")
	both.TopicID = id
	f(12, "a", both)                 // the id counts, as in Kafka 4.4, which was asked
	f(10, "a:INVALID_REQUEST", both) // ids are not for asking before v12 (SURFACE 18)
}

// TestPoint016AutoCreationAnswersUnknownTopicFirst: UNKNOWN first, there after a while (SURFACE 16), and only if client and broker want it.
func TestPoint016AutoCreationAnswersUnknownTopicFirst(t *testing.T) {
	c := dialRaw(t, brokertest.Start(t, brokertest.WithProperty("num.partitions", "3")).Addr())
	if topic := metadataFor(c, 13, false, named("new")).Topics[0]; topic.ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Fatalf("%+v", topic)
	}
	if topic := metadataFor(c, 13, true, named("new")).Topics[0]; topic.ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Fatalf("%+v: the first answer is never a success", topic)
	}
	var topic kmsg.MetadataResponseTopic
	for range 10_000 { // each round asks the broker again
		if topic = metadataFor(c, 13, false, named("new")).Topics[0]; topic.ErrorCode == 0 {
			break
		}
	}
	if len(topic.Partitions) != 3 {
		t.Fatalf("%+v", topic)
	}
	off := dialRaw(t, brokertest.Start(t, brokertest.WithProperty("auto.create.topics.enable", "false")).Addr())
	for range 100 {
		if topic := metadataFor(off, 13, true, named("new")).Topics[0]; topic.ErrorCode != kerr.UnknownTopicOrPartition.Code {
			t.Fatalf("%+v", topic)
		}
	}
}

// TestPoint014EndpointsOfTheListener is SURFACE 14: who comes in on a listener is told that listener's addresses.
func TestPoint014EndpointsOfTheListener(t *testing.T) {
	b := brokertest.Start(t,
		brokertest.WithProperty("listeners", "INSIDE://127.0.0.1:0,OUTSIDE://127.0.0.1:0"),
		brokertest.WithProperty("listener.security.protocol.map", "INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT"),
		brokertest.WithProperty("advertised.listeners", "OUTSIDE://example.org:19092"))
	inside := metadataFor(dialRaw(t, b.Listeners()[0].Address()), 13, false).Brokers
	outside := metadataFor(dialRaw(t, b.Listeners()[1].Address()), 13, false).Brokers
	if len(inside) != 1 || inside[0].Port != int32(b.Listeners()[0].Port) || inside[0].Host != "127.0.0.1" {
		t.Errorf("inside %+v", inside)
	}
	if len(outside) != 1 || outside[0].Host != "example.org" || outside[0].Port != 19092 {
		t.Errorf("outside %+v", outside)
	}
}

func TestAuthorizedOperations(t *testing.T) {
	c := dialRaw(t, brokertest.Start(t).Addr())
	createTopic(t, c, "a")
	req := kmsg.NewPtrMetadataRequest()
	req.SetVersion(8)
	resp := ask[*kmsg.MetadataResponse](c, req, false)
	if resp.AuthorizedOperations != -1<<31 || resp.Topics[0].AuthorizedOperations != -1<<31 {
		t.Errorf("not requested: %x %x", resp.AuthorizedOperations, resp.Topics[0].AuthorizedOperations)
	}
	req.IncludeClusterAuthorizedOperations, req.IncludeTopicAuthorizedOperations = true, true
	resp = ask[*kmsg.MetadataResponse](c, req, false)
	// SURFACE 123: bits READ..DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS; for the cluster CREATE, ALTER,
	// DESCRIBE, CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE.
	if topic, cluster := int32(0b1101_1111_1000), int32(0b1_1111_1010_0000); resp.Topics[0].AuthorizedOperations != topic || resp.AuthorizedOperations != cluster {
		t.Errorf("requested: %b %b", resp.Topics[0].AuthorizedOperations, resp.AuthorizedOperations)
	}
}

func TestCreateTopicsAtEveryVersion(t *testing.T) {
	b := brokertest.Start(t)
	c := dialRaw(t, b.Addr())
	for v := int16(2); v <= 7; v++ {
		name := "topic-" + string(rune('0'+v))
		create := func(validate bool) kmsg.CreateTopicsResponseTopic {
			req := kmsg.NewPtrCreateTopicsRequest()
			req.SetVersion(v)
			req.TimeoutMillis, req.ValidateOnly = 10_000, validate
			topic := kmsg.NewCreateTopicsRequestTopic()
			topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 2, 1
			req.Topics = append(req.Topics, topic)
			return ask[*kmsg.CreateTopicsResponse](c, req, v >= 5).Topics[0]
		}
		if r := create(true); r.ErrorCode != 0 {
			t.Errorf("v%d validate: %+v", v, r)
		}
		if r := metadataFor(c, 4, false, named(name)).Topics[0]; r.ErrorCode == 0 {
			t.Errorf("v%d: validate_only has created it", v)
		}
		r := create(false)
		if r.ErrorCode != 0 || v >= 5 && (r.NumPartitions != 2 || len(r.Configs) == 0) || v >= 7 && r.TopicID == [16]byte{} {
			t.Errorf("v%d: %+v", v, r)
		}
		// SURFACE 23: the answer comes after the commit, and this broker has replayed it by then.
		if r := metadataFor(c, 4, false, named(name)).Topics[0]; r.ErrorCode != 0 || len(r.Partitions) != 2 {
			t.Errorf("v%d: %+v", v, r)
		}
		if r := create(false); r.ErrorCode != kerr.TopicAlreadyExists.Code || r.ErrorMessage == nil {
			t.Errorf("v%d again: %+v", v, r)
		}
	}
}
