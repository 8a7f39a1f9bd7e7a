package kafkatool

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func leaderElectionParser() *option.Parser {
	return &option.Parser{Options: []option.Option{
		bootstrapOption(), configOption(),
		{Name: "admin.config", Arg: "file", Instead: "command-config"},
		{Name: "election-type", Arg: "type", Help: "REQUIRED: preferred, for the first replica of a partition, or unclean, for one that may lack records, if none else is alive."},
		{Name: "topic", Arg: "topic", Help: "The topic, with --partition."},
		{Name: "partition", Arg: "n", Type: option.Int, Help: "The partition, with --topic."},
		{Name: "all-topic-partitions", Help: "All partitions."},
		{Name: "path-to-json-file", Arg: "file", Help: `A file with the partitions: {"partitions":[{"topic":"t","partition":0}]}.`},
	}}
}

// electionTypes as the tool prints them, by their number in the request.
var electionTypes = []string{"PREFERRED", "UNCLEAN"}

func runLeaderElection(c *call) error {
	if err := c.checkElection(); err != nil {
		return err
	}
	kind := -1
	for i, name := range electionTypes {
		if strings.EqualFold(c.Value("election-type"), name) {
			kind = i
		}
	}
	if kind < 0 {
		return fmt.Errorf("Cannot parse argument '%s' of option election-type", c.Value("election-type"))
	}
	places, err := c.placesToElect()
	if err != nil {
		return err
	}
	props, err := c.properties(sources{files: []string{"admin.config", "command-config"}})
	if err != nil {
		return err
	}
	cl, err := c.connectWith(props)
	if err != nil {
		return err
	}
	defer cl.Close()
	return c.elect(cl, int8(kind), places)
}

func (c *call) checkElection() error {
	missing := func(names ...string) error {
		var absent []string
		for _, n := range names {
			if !c.Has(n) {
				absent = append(absent, n)
			}
		}
		if len(absent) > 0 {
			return fmt.Errorf("Missing required option(s): %s", strings.Join(absent, ", "))
		}
		return nil
	}
	if err := missing("bootstrap-server", "election-type"); err != nil {
		return err
	}
	if c.count([]string{"topic", "all-topic-partitions", "path-to-json-file"}) != 1 {
		return errors.New("One and only one of the following options is required: topic, all-topic-partitions, path-to-json-file")
	}
	if c.Has("topic") {
		return missing("partition")
	}
	if c.Has("partition") {
		return errors.New("Option partition is only allowed if topic is used")
	}
	return nil
}

// placesToElect are the partitions that are meant; nil for all.
func (c *call) placesToElect() (places []place, err error) {
	switch {
	case c.Has("all-topic-partitions"):
		return nil, nil
	case c.Has("topic"):
		return []place{{c.Value("topic"), int32(c.Number("partition"))}}, nil
	}
	path := c.Value("path-to-json-file")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("java.io.IOException: Unable to read file %s", path)
	}
	var file struct {
		Partitions *[]struct {
			Topic     string `json:"topic"`
			Partition int32  `json:"partition"`
		} `json:"partitions"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, errors.New("Replica election data is empty or not JSON")
	}
	if file.Partitions == nil {
		return nil, errors.New("Replica election data is missing \"partitions\" field")
	}
	places = []place{}
	seen := map[place]bool{}
	for _, p := range *file.Partitions {
		at := place{p.Topic, p.Partition}
		if seen[at] {
			return nil, fmt.Errorf("Replica election data contains duplicate partitions: %s", at)
		}
		seen[at] = true
		places = append(places, at)
	}
	return places, nil
}

func (c *call) elect(cl *cluster, kind int8, places []place) error {
	req := kmsg.NewPtrElectLeadersRequest()
	if err := cl.need(req); err != nil {
		return err
	}
	if places != nil && len(places) == 0 {
		return nil
	}
	req.ElectionType, req.TimeoutMillis = kind, adminTimeoutMs
	if places != nil {
		for name, partitions := range byTopic(places) {
			t := kmsg.NewElectLeadersRequestTopic()
			t.Topic, t.Partitions = name, partitions
			req.Topics = append(req.Topics, t)
		}
	}
	resp, err := req.RequestWith(c.ctx, cl.Client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return err
	}
	var done, already, failed []place
	reasons := map[place]error{}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			at := place{t.Topic, p.Partition}
			err := kclient.CodeMessage(p.ErrorCode, p.ErrorMessage)
			switch {
			case err == nil:
				done = append(done, at)
			case errors.Is(err, kerr.ElectionNotNeeded):
				already = append(already, at)
			default:
				failed, reasons[at] = append(failed, at), err
			}
		}
	}
	if len(done) > 0 {
		c.printf("Successfully completed leader election (%s) for partitions %s\n", electionTypes[kind], listPlaces(done))
	}
	if len(already) > 0 {
		c.printf("Valid replica already elected for partitions %s\n", listPlaces(already))
	}
	for _, at := range placesInJavaOrder(failed) {
		c.printf("Error completing leader election (%s) for partition: %s: %s\n", electionTypes[kind], at, javaError(reasons[at]))
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d replica(s) could not be elected", len(failed))
	}
	return nil
}

func listPlaces(places []place) string {
	return strings.ReplaceAll(joinPlaces(placesInJavaOrder(places)), ",", ", ")
}
