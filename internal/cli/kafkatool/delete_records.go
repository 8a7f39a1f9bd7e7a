package kafkatool

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func deleteRecordsParser() *option.Parser {
	return &option.Parser{Options: []option.Option{
		bootstrapOption(), configOption(),
		{Name: "offset-json-file", Arg: "file",
			Help: `REQUIRED: what to delete up to: {"partitions":[{"topic":"t","partition":0,"offset":1}],"version":1}; -1 is the high watermark.`},
	}}
}

// recordsToDelete is the file.
type recordsToDelete struct {
	Version    *int `json:"version"`
	Partitions []struct {
		Topic     *string `json:"topic"`
		Partition *int32  `json:"partition"`
		Offset    *int64  `json:"offset"`
	} `json:"partitions"`
}

func runDeleteRecords(c *call) error {
	if err := c.Missing("bootstrap-server", "offset-json-file"); err != nil {
		return misuse{err.Error()}
	}
	text, err := os.ReadFile(c.Value("offset-json-file"))
	if err != nil {
		return fmt.Errorf("Unable to read file %s", c.Value("offset-json-file"))
	}
	req, err := deleteRecordsRequest(text)
	if err != nil {
		return err
	}
	cl, err := c.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := cl.need(req); err != nil {
		return err
	}
	c.printf("Executing records delete operation\n")
	c.out.Flush()
	var lines []string
	for _, shard := range cl.RequestSharded(c.ctx, req) {
		lines = append(lines, deletedRecords(shard)...)
	}
	if err := c.ctx.Err(); err != nil {
		return err
	}
	c.printf("Records delete operation completed:\n")
	slices.Sort(lines)
	c.printf("%s", strings.Join(lines, ""))
	return nil
}

// deletedRecords is a line for each partition of one broker's answer, or of what could not be asked.
func deletedRecords(shard kgo.ResponseShard) (lines []string) {
	line := func(topic string, p int32, low int64, err error) {
		if err != nil {
			lines = append(lines, fmt.Sprintf("partition: %s-%d\terror: %s\n", topic, p, kclient.Message(err)))
		} else {
			lines = append(lines, fmt.Sprintf("partition: %s-%d\tlow_watermark: %d\n", topic, p, low))
		}
	}
	if resp, ok := shard.Resp.(*kmsg.DeleteRecordsResponse); ok && shard.Err == nil {
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				line(t.Topic, p.Partition, p.LowWatermark, kerr.ErrorForCode(p.ErrorCode))
			}
		}
		return lines
	}
	if req, ok := shard.Req.(*kmsg.DeleteRecordsRequest); ok {
		for _, t := range req.Topics {
			for _, p := range t.Partitions {
				line(t.Topic, p.Partition, 0, shard.Err)
			}
		}
	}
	return lines
}

func deleteRecordsRequest(text []byte) (*kmsg.DeleteRecordsRequest, error) {
	var file recordsToDelete
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, errors.New("The input string is not a valid JSON")
	}
	if file.Version != nil && *file.Version != 1 {
		return nil, fmt.Errorf("Not supported version field value %d", *file.Version)
	}
	if file.Partitions == nil {
		return nil, errors.New("Missing partitions field")
	}
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = adminTimeoutMs
	seen, twice := map[string]bool{}, []string{}
	for _, p := range file.Partitions {
		if p.Topic == nil || p.Partition == nil || p.Offset == nil {
			return nil, errors.New("each of the partitions must have topic, partition and offset")
		}
		name := fmt.Sprintf("%s-%d", *p.Topic, *p.Partition)
		if seen[name] {
			twice = append(twice, name)
		}
		seen[name] = true
		i := slices.IndexFunc(req.Topics, func(t kmsg.DeleteRecordsRequestTopic) bool { return t.Topic == *p.Topic })
		if i < 0 {
			t := kmsg.NewDeleteRecordsRequestTopic()
			t.Topic = *p.Topic
			req.Topics, i = append(req.Topics, t), len(req.Topics)
		}
		part := kmsg.NewDeleteRecordsRequestTopicPartition()
		part.Partition, part.Offset = *p.Partition, *p.Offset
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, part)
	}
	if len(twice) > 0 {
		return nil, fmt.Errorf("Offset json file contains duplicate topic partitions: %s", strings.Join(twice, ","))
	}
	return req, nil
}
