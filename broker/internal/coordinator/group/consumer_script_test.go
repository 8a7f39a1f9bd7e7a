package group

import (
	"fmt"

	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

func (w *world) consumerHeartbeat(args, *client) {}
func (w *world) describeConsumer(args)           {}
func (g *consumerGroup) durable() string         { return g.name }

func consumerValueText(v schema.OffsetsValue) string { return fmt.Sprintf("%+v", v) }
