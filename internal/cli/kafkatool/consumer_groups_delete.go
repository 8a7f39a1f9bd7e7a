package kafkatool

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func (g *groupsCall) delete() error {
	ids, err := g.groupIDs()
	if err != nil {
		return err
	}
	results, err := g.deleteGroups(ids)
	if err != nil {
		return err
	}
	var deleted, failed []string
	for _, id := range inJavaOrder(ids, javaHash) {
		if results[id] == nil {
			deleted = append(deleted, "'"+id+"'")
		} else {
			failed = append(failed, id)
		}
	}
	if len(failed) == 0 {
		g.printf("Deletion of requested consumer groups (%s) was successful.\n", strings.Join(deleted, ", "))
		return nil
	}
	g.printError("Deletion of some consumer groups failed:")
	for _, id := range failed {
		g.printf("* Group '%s' could not be deleted due to: %s\n", id, javaError(results[id]))
	}
	if len(deleted) > 0 {
		g.printf("\nThese consumer groups were deleted successfully: %s\n", strings.Join(deleted, ", "))
	}
	return nil
}

// deleteGroups tells the error of each group, nil for what is deleted.
func (g *groupsCall) deleteGroups(ids []string) (map[string]error, error) {
	results := map[string]error{}
	if len(ids) == 0 {
		return results, nil
	}
	req := kmsg.NewPtrDeleteGroupsRequest()
	req.Groups = ids
	if err := g.need(req); err != nil {
		return nil, err
	}
	ctx, cancel := g.within()
	defer cancel()
	for _, shard := range g.RequestSharded(ctx, req) {
		if shard.Err != nil {
			for _, id := range shard.Req.(*kmsg.DeleteGroupsRequest).Groups {
				results[id] = shard.Err
			}
			continue
		}
		for _, deleted := range shard.Resp.(*kmsg.DeleteGroupsResponse).Groups {
			results[deleted.Group] = kerr.ErrorForCode(deleted.ErrorCode)
		}
	}
	return results, nil
}

// Errors of the whole request that are told in their own words, and those that concern partitions.
var (
	groupErrors     = []error{kerr.InvalidGroupID, kerr.GroupIDNotFound, kerr.GroupAuthorizationFailed, kerr.NonEmptyGroup}
	partitionErrors = []error{kerr.GroupSubscribedToTopic, kerr.TopicAuthorizationFailed, kerr.UnknownTopicOrPartition}
)

func isOneOf(err error, list []error) bool {
	return slices.ContainsFunc(list, func(e error) bool { return errors.Is(err, e) })
}

func (g *groupsCall) deleteOffsets() error {
	if ids := g.Values("group"); len(ids) > 1 {
		return errors.New("Found multiple arguments for option group, but you asked for only one")
	}
	id := g.Value("group")
	places, results, err := g.placesToDelete()
	if err != nil {
		return err
	}
	first, err := g.requestOffsetDelete(id, places, results)
	if err != nil {
		return err
	}
	var code *kerr.Error
	switch {
	case first == nil:
		g.printf("Request succeeded for deleting offsets from group %s.\n", id)
	case isOneOf(first, groupErrors):
		g.printError(kclient.Message(first))
	case isOneOf(first, partitionErrors):
		g.printError("Encountered some partition-level error, see the follow-up details.")
	case errors.As(first, &code):
		g.printError("Encountered some unknown error: " + code.Message)
	default:
		g.printError("Encountered some unknown error: UNKNOWN_SERVER_ERROR")
	}
	g.printDeleted(results)
	return nil
}

// placesToDelete are the partitions that --topic means; results has the topics that are not there.
func (g *groupsCall) placesToDelete() (places []place, results map[place]error, err error) {
	var whole []string
	for _, text := range g.Values("topic") {
		topic, partitions, err := topicArgument(text)
		if err != nil {
			return nil, nil, err
		}
		if partitions == nil {
			whole = append(whole, topic)
		}
		for _, p := range partitions {
			places = append(places, place{topic, p})
		}
	}
	ctx, cancel := g.within()
	defer cancel()
	more, failed, err := g.partitionsOf(ctx, whole)
	results = map[place]error{}
	for topic, err := range failed {
		results[place{topic, -1}] = err
	}
	places = append(places, more...)
	slices.SortFunc(places, comparePlaces)
	return slices.Compact(places), results, err
}

// requestOffsetDelete adds each partition's result and returns the first error that there is.
func (g *groupsCall) requestOffsetDelete(id string, places []place, results map[place]error) (first, err error) {
	if len(places) == 0 {
		return nil, nil
	}
	req := kmsg.NewPtrOffsetDeleteRequest()
	if err := g.need(req); err != nil {
		return nil, err
	}
	req.Group = id
	for name, partitions := range byTopic(places) {
		t := kmsg.NewOffsetDeleteRequestTopic()
		t.Topic = name
		for _, n := range partitions {
			p := kmsg.NewOffsetDeleteRequestTopicPartition()
			p.Partition = n
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	ctx, cancel := g.within()
	defer cancel()
	resp, err := req.RequestWith(ctx, g.Client)
	if err != nil {
		return nil, err
	}
	if first = kerr.ErrorForCode(resp.ErrorCode); first != nil {
		for _, p := range places {
			results[p] = first
		}
		return first, nil
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			results[place{t.Topic, p.Partition}] = kerr.ErrorForCode(p.ErrorCode)
		}
	}
	for _, p := range places {
		if first == nil {
			first = results[p]
		}
	}
	return first, nil
}

// printDeleted lists the partitions, sorted by topic and partition as one text.
func (g *groupsCall) printDeleted(results map[place]error) {
	var places []place
	width := 15
	for p := range results {
		places = append(places, p)
		width = max(width, len(p.topic))
	}
	text := func(p place) string { return fmt.Sprintf("%s%d", p.topic, p.partition) }
	slices.SortFunc(places, func(a, b place) int { return strings.Compare(text(a), text(b)) })
	g.printf("\n%-*s %-10s %-15s", width, "TOPIC", "PARTITION", "STATUS")
	for _, p := range places {
		status, partition := "Successful", orDash(&p.partition)
		if err := results[p]; err != nil {
			status = "Error: " + javaError(err)
		}
		if p.partition < 0 {
			partition = "-"
		}
		g.printf("\n%-*s %-10s %-15s", width, p.topic, partition, status)
	}
	g.printf("\n")
}
