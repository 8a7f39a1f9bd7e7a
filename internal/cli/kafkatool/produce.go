package kafkatool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topicTimeout is how long a topic may take to appear that a producer's first look has created.
const topicTimeout = 10 * time.Second

// producer makes a client that produces to one topic, and waits until the cluster knows the topic:
// Kafka's producer waits there too, and does not count it among its retries.
func (c *call) producer(props map[string]string, topic string, more ...kgo.Opt) (*kgo.Client, error) {
	cl, err := c.dial(kclient.Producer, props, more...)
	if err != nil {
		return nil, err
	}
	if err := awaitTopic(c.ctx, cl, topic); err != nil {
		cl.Close()
		return nil, err
	}
	return cl, nil
}

func awaitTopic(ctx context.Context, cl *kgo.Client, topic string) error {
	ctx, cancel := context.WithTimeout(ctx, topicTimeout)
	defer cancel()
	for {
		err := lookUpTopic(ctx, cl, topic)
		if err == nil || !kerr.IsRetriable(err) && ctx.Err() == nil {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("Topic %s not present in metadata after %d ms.", topic, topicTimeout.Milliseconds())
			}
			return ctx.Err()
		}
	}
}

// lookUpTopic asks for a topic, which creates it where the cluster allows that.
func lookUpTopic(ctx context.Context, cl *kgo.Client, topic string) error {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = true
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(topic)
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return err
		}
	}
	return nil
}
