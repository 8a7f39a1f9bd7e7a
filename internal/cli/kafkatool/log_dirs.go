package kafkatool

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func logDirsParser() *option.Parser {
	return &option.Parser{Options: []option.Option{
		bootstrapOption(), configOption(),
		{Name: "describe", Help: "REQUIRED: describe the data directories."},
		{Name: "topic-list", Arg: "topic,...", Help: "Only these topics; all if not given."},
		{Name: "broker-list", Arg: "id,...", Help: "Only these brokers; all if not given."},
	}}
}

// The JSON that is printed, its fields in Kafka's order.
type (
	logDirsReport struct {
		Brokers []brokerDirs `json:"brokers"`
		Version int          `json:"version"`
	}
	brokerDirs struct {
		Broker  int32    `json:"broker"`
		LogDirs []logDir `json:"logDirs"`
	}
	logDir struct {
		Partitions []replicaSize `json:"partitions"`
		Error      *string       `json:"error"`
		LogDir     string        `json:"logDir"`
	}
	replicaSize struct {
		Partition string `json:"partition"`
		Size      int64  `json:"size"`
		OffsetLag int64  `json:"offsetLag"`
		IsFuture  bool   `json:"isFuture"`
	}
)

func runLogDirs(c *call) error {
	if err := c.Missing("bootstrap-server", "describe"); err != nil {
		return misuse{err.Error()}
	}
	cl, err := c.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := cl.need(kmsg.NewPtrDescribeLogDirsRequest()); err != nil {
		return err
	}
	ids, err := c.brokersToDescribe(cl)
	if err != nil {
		return err
	}
	c.printf("Querying brokers for log directories information\n")
	c.out.Flush()
	report := logDirsReport{Version: 1, Brokers: []brokerDirs{}}
	for _, id := range ids {
		dirs, err := c.logDirsOf(cl, id)
		if err != nil {
			return err
		}
		report.Brokers = append(report.Brokers, brokerDirs{id, dirs})
	}
	text, err := json.Marshal(report)
	if err != nil {
		return err
	}
	c.printf("Received log directory information from brokers %s\n%s\n", joinIDs(ids, ","), text)
	return nil
}

// brokersToDescribe are those of --broker-list, or all.
func (c *call) brokersToDescribe(cl *cluster) ([]int32, error) {
	live, err := c.liveBrokers(cl)
	if err != nil || c.Value("broker-list") == "" {
		slices.Sort(live)
		return live, err
	}
	slices.Sort(live)
	var ids, unknown []int32
	for _, word := range strings.Split(c.Value("broker-list"), ",") {
		id, err := strconv.ParseInt(strings.TrimSpace(word), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("For input string: %q", word)
		}
		if ids = append(ids, int32(id)); !slices.Contains(live, int32(id)) {
			unknown = append(unknown, int32(id))
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("ERROR: The given brokers do not exist from --broker-list: %s. Current existent brokers: %s", joinIDs(unknown, ","), joinIDs(live, ","))
	}
	return ids, nil
}

func (c *call) logDirsOf(cl *cluster, broker int32) ([]logDir, error) {
	resp, err := kmsg.NewPtrDescribeLogDirsRequest().RequestWith(c.ctx, cl.Broker(int(broker)))
	if err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, err
	}
	wanted := strings.FieldsFunc(c.Value("topic-list"), func(r rune) bool { return r == ',' })
	out := []logDir{}
	for _, d := range resp.Dirs {
		dir := logDir{Partitions: []replicaSize{}, LogDir: d.Dir}
		if err := kerr.ErrorForCode(d.ErrorCode); err != nil {
			class := javaErrorClass(err)
			dir.Error = &class
		}
		for _, t := range d.Topics {
			if len(wanted) > 0 && !listed(wanted, t.Topic) {
				continue
			}
			for _, p := range t.Partitions {
				dir.Partitions = append(dir.Partitions, replicaSize{fmt.Sprintf("%s-%d", t.Topic, p.Partition), p.Size, p.OffsetLag, p.IsFuture})
			}
		}
		slices.SortFunc(dir.Partitions, func(a, b replicaSize) int { return strings.Compare(a.Partition, b.Partition) })
		out = append(out, dir)
	}
	return out, nil
}
