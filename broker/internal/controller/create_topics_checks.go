package controller

import (
	"fmt"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
)

// checkName refuses names that are malformed, taken, or differ from a taken one only in '.' and '_'
// (SURFACE 21). Unlike Kafka it also sees collisions within one request.
func (n *newTopics) checkName(name string) error {
	if err := kafka.CheckTopicName(name); err != nil {
		return refuse(kerr.InvalidTopicException, err.Error())
	}
	if n.c.image().Topic(name) != nil {
		return refuse(kerr.TopicAlreadyExists, fmt.Sprintf("Topic '%s' already exists.", name))
	}
	other, taken := n.names[kafka.CollisionKey(name)]
	if !taken {
		other = colliding(n.c.image(), name)
	}
	if other != "" {
		return refuse(kerr.InvalidTopicException, fmt.Sprintf("Topic '%s' collides with existing topic: %s", name, other))
	}
	return nil
}

// colliding returns a topic whose collision key is the name's, or "". Such a topic shares the part
// before the first '.' or '_', so only the topics that begin with that part and go on with a
// character between these two are looked at.
func colliding(image *metadata.Image, name string) (other string) {
	i := strings.IndexAny(name, "._")
	if i < 0 {
		return ""
	}
	prefix := name[:i]
	end := prefix + string(rune('_'+1))
	image.TopicsFrom(prefix+".", func(t *metadata.Topic) bool {
		if t.Name >= end {
			return false
		}
		if collide(t.Name, name) {
			other = t.Name
		}
		return other == ""
	})
	return other
}

// collide is kafka.CollisionKey(a) == kafka.CollisionKey(b) without making the keys.
func collide(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && !(alike(a[i]) && alike(b[i])) {
			return false
		}
	}
	return true
}

func alike(c byte) bool { return c == '.' || c == '_' }
