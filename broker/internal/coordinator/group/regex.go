package group

import (
	"regexp"
	"slices"

	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Regular expressions of subscriptions are RE2, as in Kafka, and have to match the whole name of a topic.

func compileRegex(text string) (*regexp.Regexp, error) { return regexp.Compile("^(?:" + text + ")$") }

func checkRegex(text string) *refusal {
	if _, err := compileRegex(text); err != nil {
		return refuse(kerr.InvalidRegularExpression, "SubscribedTopicRegex `%s` is not a valid regular expression: %s.", text, err)
	}
	return nil
}

// resolveAll resolves the expressions of all members for which that is due; changed is true if one means other topics than before.
func (d *decision) resolveAll(c Caller) (changed bool) {
	used := map[string]struct{}{}
	for _, m := range d.group.members {
		if m.regex != "" {
			used[m.regex] = struct{}{}
		}
	}
	for _, regex := range sortedKeys(used) {
		changed = d.resolve(c, regex) || changed
	}
	return changed
}

// resolve finds the topics of an expression, if that was not done, or longer ago than group.consumer.regex.refresh.interval.ms, or if
// topics have changed. Topics that the member may not describe are none (SURFACE 116). changed is true if there are others than before.
func (d *decision) resolve(c Caller, text string) (changed bool) {
	old := d.group.regexes[text]
	if old != nil && !d.group.stale && d.t.Now() < old.Timestamp+d.s.config.ConsumerRegexRefreshMs {
		return false
	}
	re, err := compileRegex(text)
	if err != nil {
		return false // from the log of a broker with another idea of expressions
	}
	r := &schema.ConsumerRegularExpressionValue{Version: d.t.Image().Offset(), Timestamp: d.t.Now()}
	for topic := range d.t.Image().Topics {
		if re.MatchString(topic.Name) && (c.Describe == nil || c.Describe(topic.Name)) {
			r.Topics = append(r.Topics, topic.Name)
		}
	}
	changed = old == nil && len(r.Topics) > 0 || old != nil && !slices.Equal(old.Topics, r.Topics)
	if old == nil || changed || d.t.Now() >= old.Timestamp+d.s.config.ConsumerRegexRefreshMs {
		d.put(schema.OffsetsKey{Type: schema.OffsetsConsumerRegularExpression, Regex: text}, r)
	}
	return changed
}

// dropUnusedRegexes deletes the expressions that no member has any more.
func (d *decision) dropUnusedRegexes() {
	used := map[string]struct{}{}
	for _, m := range d.group.members {
		used[m.regex] = struct{}{}
	}
	for _, regex := range sortedKeys(d.group.regexes) {
		if _, ok := used[regex]; !ok {
			d.put(schema.OffsetsKey{Type: schema.OffsetsConsumerRegularExpression, Regex: regex}, nil)
		}
	}
}
