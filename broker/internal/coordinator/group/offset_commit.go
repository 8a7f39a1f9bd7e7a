package group

import (
	"unicode/utf16"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// OffsetCommit writes offsets down (SURFACE 102, 105-107). Topics carry their names, with version 10 their ids too; that they
// exist and may be read is the caller's business, but not their authorship: that is checked here.
func (s *Shard) OffsetCommit(t *coordinator.Turn, c Caller, req *kmsg.OffsetCommitRequest, reply func(*kmsg.OffsetCommitResponse)) {
	code := s.checkCommit(t, req)
	r := kmsg.NewPtrOffsetCommitResponse()
	r.Version = req.Version
	var records []coordinator.Record
	size := 0
	for i := range req.Topics {
		topic := &req.Topics[i]
		out := kmsg.NewOffsetCommitResponseTopic()
		out.Topic, out.TopicID = topic.Topic, topic.TopicID
		for j := range topic.Partitions {
			p := &topic.Partitions[j]
			e := kmsg.NewOffsetCommitResponseTopicPartition()
			e.Partition = p.Partition
			switch {
			case code != nil:
				e.ErrorCode = code.Code
			case s.tooLarge(p.Metadata) || len(topic.Topic) > maxText:
				e.ErrorCode = kerr.OffsetMetadataTooLarge.Code
			default:
				record := commitRecord(t, req, topic, p)
				size += len(record.Key) + len(record.Value)
				records = append(records, record)
			}
			out.Partitions = append(out.Partitions, e)
		}
		r.Topics = append(r.Topics, out)
	}
	if !t.Fits(len(records), size) {
		records = nil
		failCommit(r, kerr.InvalidCommitOffsetSize)
	}
	for _, record := range records {
		t.Append(record.Key, record.Value)
	}
	t.Answer(func(code *kerr.Error) {
		if code != nil {
			failCommit(r, code)
		}
		reply(r)
	})
}

func commitRecord(t *coordinator.Turn, req *kmsg.OffsetCommitRequest, topic *kmsg.OffsetCommitRequestTopic, p *kmsg.OffsetCommitRequestTopicPartition) coordinator.Record {
	v := schema.NewOffsetCommit()
	v.Offset, v.LeaderEpoch, v.CommitTimestamp, v.TopicID = p.Offset, kafka.LeaderEpoch(p.LeaderEpoch), t.Now(), topic.TopicID
	if p.Metadata != nil {
		v.Metadata = *p.Metadata
	}
	version := int16(offsetVersion)
	if req.RetentionTimeMillis >= 0 && req.Version >= 2 && req.Version <= 4 {
		version, v.ExpireTimestamp = offsetExpiryVersion, t.Now()+req.RetentionTimeMillis
	}
	return coordinator.Record{
		Key:   offsetKey(req.Group, topic.Topic, p.Partition),
		Value: valueBytes(schema.OffsetsCommit, v, version),
	}
}

// failCommit gives all partitions that had no error of their own a code.
func failCommit(r *kmsg.OffsetCommitResponse, code *kerr.Error) {
	for i := range r.Topics {
		for j := range r.Topics[i].Partitions {
			if p := &r.Topics[i].Partitions[j]; p.ErrorCode == 0 {
				p.ErrorCode = code.Code
			}
		}
	}
}

func (s *Shard) tooLarge(metadata *string) bool {
	limit := int(s.config.OffsetMetadataMaxBytes)
	if metadata == nil || len(*metadata) <= limit && len(*metadata) <= maxText {
		return false
	}
	return len(*metadata) > maxText || len(utf16.Encode([]rune(*metadata))) > limit
}

// checkCommit checks that the caller may commit for the group. A commit of a member of the classic protocol counts as a heartbeat.
func (s *Shard) checkCommit(t *coordinator.Turn, req *kmsg.OffsetCommitRequest) *kerr.Error {
	if len(req.Group) > maxText {
		return kerr.InvalidGroupID
	}
	if g := s.consumer[req.Group]; g != nil {
		return s.checkConsumerCommit(t, g, req)
	}
	g := s.classic[req.Group]
	switch {
	case g == nil && req.Generation < 0:
		return nil
	case g == nil && req.Version >= 9:
		return kerr.GroupIDNotFound
	case g == nil:
		return kerr.IllegalGeneration
	}
	if code := g.checkCommit(req); code != nil {
		return code
	}
	if m := g.byID[req.MemberID]; m != nil && (g.state == stable || g.state == preparingRebalance) {
		s.heard(t, g, m)
	}
	return nil
}

func (g *classicGroup) checkCommit(req *kmsg.OffsetCommitRequest) *kerr.Error {
	switch {
	case req.Generation < 0 && g.state == empty:
		return nil // nobody manages the group
	case req.Generation < 0 && req.MemberID == "" && req.InstanceID == nil:
		return kerr.UnknownMemberID
	}
	if code := g.validate(req.MemberID, req.InstanceID); code != nil {
		return code
	}
	switch {
	case req.Generation != g.generation && !plantedOffsetFence:
		return kerr.IllegalGeneration
	case g.state == completingRebalance:
		return kerr.RebalanceInProgress
	}
	return nil
}
