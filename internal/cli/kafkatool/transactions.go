package kafkatool

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func transactionsParser() *option.Parser {
	return &option.Parser{Style: option.Sub, Positional: true,
		Commands: []string{"list", "describe", "describe-producers", "abort", "find-hanging", "forceTerminateTransaction"}, Options: []option.Option{
			{Name: "bootstrap-server", Arg: "HOST:PORT,...", Help: "REQUIRED: the brokers to connect to first."}, configOption(),
			{Name: "duration-filter", Arg: "ms", Type: option.Long, Help: "list: those that have lasted longer."},
			{Name: "transactional-id-pattern", Arg: "regex", Help: "list: those whose id matches."},
			{Name: "transactional-id", Arg: "id", Help: "describe: the transactional id."},
			{Name: "transactionalId", Arg: "id", Help: "forceTerminateTransaction: the transactional id."},
			{Name: "topic", Arg: "topic", Help: "describe-producers, abort: the topic."},
			{Name: "partition", Arg: "n", Type: option.Int, Help: "describe-producers, abort: the partition."},
			{Name: "broker-id", Arg: "id", Type: option.Int, Help: "describe-producers: the replica to ask, not the leader."},
			{Name: "start-offset", Arg: "offset", Type: option.Long, Help: "abort: where the transaction begins."},
			{Name: "producer-id", Arg: "id", Type: option.Long, Help: "abort: its producer."},
			{Name: "producer-epoch", Arg: "n", Type: option.Int, Help: "abort: its producer's epoch."},
			{Name: "coordinator-epoch", Arg: "n", Type: option.Int, Help: "abort: the epoch of its coordinator."},
			{Name: "max-transaction-timeout", Arg: "min", Type: option.Int, Default: "15", Help: "find-hanging: refused, with its command."},
		}}
}

func runTransactions(c *call) error {
	if err := c.oneCommand(); err != nil {
		return err
	}
	required := map[string][]string{"describe": {"transactional-id"}, "describe-producers": {"topic", "partition"}, "abort": {"topic", "partition"},
		"forceTerminateTransaction": {"transactionalId"}}
	for _, name := range append([]string{"bootstrap-server"}, required[c.Words[0]]...) {
		if !c.Has(name) {
			return misused("argument --%s is required", name)
		}
	}
	switch c.Words[0] {
	case "find-hanging":
		return errors.New("find-hanging is not available yet: describe-producers shows the transactions that are open in a partition")
	case "abort":
		if !c.Has("start-offset") && c.count([]string{"producer-id", "producer-epoch", "coordinator-epoch"}) < 3 {
			return errors.New("The transaction to abort must be identified either with --start-offset (for brokers on 3.0 or above) or with --producer-id, --producer-epoch, and --coordinator-epoch (for older brokers)")
		}
	}
	cl, err := c.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	switch c.Words[0] {
	case "list":
		return c.listTransactions(cl)
	case "describe":
		return c.describeTransaction(cl)
	case "describe-producers":
		return c.describeProducers(cl)
	case "abort":
		return c.abortTransaction(cl)
	}
	return c.terminate(cl)
}

func (c *call) listTransactions(cl *cluster) error {
	req := kmsg.NewPtrListTransactionsRequest()
	if cl.need(req) != nil {
		return errors.New("Failed to list transactions: The node does not support LIST_TRANSACTIONS. Enable debug logging for additional detail.")
	}
	if c.Has("duration-filter") {
		req.DurationFilterMillis = c.Number("duration-filter")
	}
	var pattern *regexp.Regexp
	if text := c.Value("transactional-id-pattern"); text != "" {
		var err error
		if pattern, err = regexp.Compile("^(?:" + text + ")$"); err != nil {
			return fmt.Errorf("The pattern %s is not a valid regular expression", text)
		}
		req.TransactionalIDPattern = &text
	}
	rows := [][]string{{"TransactionalId", "Coordinator", "ProducerId", "TransactionState"}}
	for _, shard := range cl.RequestSharded(c.ctx, req) {
		if shard.Err != nil {
			return shard.Err
		}
		resp := shard.Resp.(*kmsg.ListTransactionsResponse)
		if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
			return err
		}
		for _, t := range resp.TransactionStates {
			if pattern == nil || pattern.MatchString(t.TransactionalID) {
				rows = append(rows, []string{t.TransactionalID, strconv.Itoa(int(shard.Meta.NodeID)), strconv.FormatInt(t.ProducerID, 10), t.TransactionState})
			}
		}
	}
	c.printTable(rows)
	return nil
}

func (c *call) describeTransaction(cl *cluster) error {
	id := c.Value("transactional-id")
	req := kmsg.NewPtrDescribeTransactionsRequest()
	if err := cl.need(req); err != nil {
		return err
	}
	req.TransactionalIDs = []string{id}
	rows := [][]string{{"CoordinatorId", "TransactionalId", "ProducerId", "ProducerEpoch", "TransactionState", "TransactionTimeoutMs", "CurrentTransactionStartTimeMs", "TransactionDurationMs", "TopicPartitions"}}
	for _, shard := range cl.RequestSharded(c.ctx, req) {
		if shard.Err != nil {
			return shard.Err
		}
		for _, t := range shard.Resp.(*kmsg.DescribeTransactionsResponse).TransactionStates {
			err := kerr.ErrorForCode(t.ErrorCode)
			if errors.Is(err, kerr.TransactionalIDNotFound) {
				err = fmt.Errorf("DescribeTransactions request for transactionalId `%s` failed because the ID could not be found", id)
			}
			if err != nil {
				return fmt.Errorf("Failed to describe transaction state of transactional-id `%s`: %s. Enable debug logging for additional detail.", id, strings.TrimSuffix(kclient.Message(err), "."))
			}
			rows = append(rows, transactionRow(t, shard.Meta.NodeID, time.Now()))
		}
	}
	c.printTable(rows)
	return nil
}

func transactionRow(t kmsg.DescribeTransactionsResponseTransactionState, coordinator int32, now time.Time) []string {
	start, duration := "None", "None"
	if t.StartTimestamp >= 0 {
		start, duration = strconv.FormatInt(t.StartTimestamp, 10), strconv.FormatInt(now.UnixMilli()-t.StartTimestamp, 10)
	}
	var places []string
	for _, topic := range t.Topics {
		for _, p := range topic.Partitions {
			places = append(places, place{topic.Topic, p}.String())
		}
	}
	return []string{strconv.Itoa(int(coordinator)), t.TransactionalID, strconv.FormatInt(t.ProducerID, 10), strconv.Itoa(int(t.ProducerEpoch)), t.State,
		strconv.Itoa(int(t.TimeoutMillis)), start, duration, strings.Join(places, ",")}
}

// producers asks the leader of the partition, or a replica of it, for its producers.
func (c *call) producers(cl *cluster) ([]kmsg.DescribeProducersResponseTopicPartitionActiveProducer, error) {
	req := kmsg.NewPtrDescribeProducersRequest()
	if err := cl.need(req); err != nil {
		return nil, err
	}
	t := kmsg.NewDescribeProducersRequestTopic()
	t.Topic, t.Partitions = c.Value("topic"), []int32{int32(c.Number("partition"))}
	req.Topics = append(req.Topics, t)
	var to kmsg.Requestor = cl.Client
	if c.Has("broker-id") {
		to = cl.Broker(int(c.Number("broker-id")))
	}
	resp, err := req.RequestWith(c.ctx, to)
	if err != nil {
		return nil, err
	}
	if len(resp.Topics) == 0 || len(resp.Topics[0].Partitions) == 0 {
		return nil, errors.New("The answer of the cluster is not about the partition")
	}
	p := resp.Topics[0].Partitions[0]
	return p.ActiveProducers, kclient.CodeMessage(p.ErrorCode, p.ErrorMessage)
}

func (c *call) describeProducers(cl *cluster) error {
	producers, err := c.producers(cl)
	if err != nil {
		return fmt.Errorf("Failed to describe producers for partition %s-%d on broker leader: %s", c.Value("topic"), c.Number("partition"), kclient.Message(err))
	}
	rows := [][]string{{"ProducerId", "ProducerEpoch", "LatestCoordinatorEpoch", "LastSequence", "LastTimestamp", "CurrentTransactionStartOffset"}}
	for _, p := range producers {
		start := "None"
		if p.CurrentTxnStartOffset >= 0 {
			start = strconv.FormatInt(p.CurrentTxnStartOffset, 10)
		}
		rows = append(rows, []string{strconv.FormatInt(p.ProducerID, 10), strconv.Itoa(int(p.ProducerEpoch)), strconv.Itoa(int(p.CoordinatorEpoch)),
			strconv.Itoa(int(p.LastSequence)), strconv.FormatInt(p.LastTimestamp, 10), start})
	}
	c.printTable(rows)
	return nil
}

// abortTransaction writes the marker that ends a transaction in one partition.
func (c *call) abortTransaction(cl *cluster) error {
	m := kmsg.NewWriteTxnMarkersRequestMarker()
	m.ProducerID, m.ProducerEpoch, m.CoordinatorEpoch = c.Number("producer-id"), int16(c.Number("producer-epoch")), int32(c.Number("coordinator-epoch"))
	if c.Has("start-offset") {
		producers, err := c.producers(cl)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(producers, func(p kmsg.DescribeProducersResponseTopicPartitionActiveProducer) bool {
			return p.CurrentTxnStartOffset >= 0 && p.CurrentTxnStartOffset == c.Number("start-offset")
		})
		if i < 0 {
			return fmt.Errorf("Could not find any open transactions starting at offset %d on partition %s-%d", c.Number("start-offset"), c.Value("topic"), c.Number("partition"))
		}
		// A coordinator that never wrote a marker here has epoch 0 at least.
		m.ProducerID, m.ProducerEpoch, m.CoordinatorEpoch = producers[i].ProducerID, int16(producers[i].ProducerEpoch), max(0, producers[i].CoordinatorEpoch)
	}
	req := kmsg.NewPtrWriteTxnMarkersRequest()
	if err := cl.need(req); err != nil {
		return err
	}
	t := kmsg.NewWriteTxnMarkersRequestMarkerTopic()
	t.Topic, t.Partitions = c.Value("topic"), []int32{int32(c.Number("partition"))}
	m.Topics = append(m.Topics, t)
	req.Markers = append(req.Markers, m)
	resp, err := req.RequestWith(c.ctx, cl.Client)
	if err != nil {
		return err
	}
	for _, m := range resp.Markers {
		for _, t := range m.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return fmt.Errorf("Failed to abort transaction in partition %s-%d: %s", t.Topic, p.Partition, kclient.Message(err))
				}
			}
		}
	}
	return nil
}

// terminate fences the producer of a transactional id: its open transaction is aborted.
func (c *call) terminate(cl *cluster) error {
	req := kmsg.NewPtrInitProducerIDRequest()
	id := c.Value("transactionalId")
	req.TransactionalID, req.TransactionTimeoutMillis, req.ProducerID, req.ProducerEpoch = &id, adminTimeoutMs, -1, -1
	if err := cl.need(req); err != nil {
		return err
	}
	resp, err := req.RequestWith(c.ctx, cl.Client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	return err
}
