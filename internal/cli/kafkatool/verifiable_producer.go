package kafkatool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kgo"
)

func verifiableProducerParser() *option.Parser {
	return &option.Parser{Style: option.Sub, Options: []option.Option{
		{Name: "bootstrap-server", Arg: "HOST:PORT,...", Help: "REQUIRED: the brokers to connect to first."}, configOption(),
		{Name: "producer.config", Arg: "file", Instead: "command-config"},
		{Name: "topic", Arg: "topic", Help: "REQUIRED: the topic to produce to."},
		{Name: "max-messages", Arg: "n", Type: option.Int, Default: "-1", Help: "How many messages; -1 goes on until stopped."},
		{Name: "throughput", Arg: "n", Type: option.Int, Default: "-1", Help: "How many messages a second; -1 for no limit."},
		{Name: "acks", Arg: "n", Type: option.Int, Default: "-1", Help: "Which replicas must have a message: -1, 0 or 1."},
		{Name: "message-create-time", Arg: "ms", Type: option.Long, Default: "-1", Help: "The time of the first message; the others follow as time goes by."},
		{Name: "value-prefix", Arg: "n", Type: option.Int, Help: "Stands before each value, with a dot."},
		{Name: "repeating-keys", Arg: "n", Type: option.Int, Help: "Keys are 0 to n-1, again and again."},
	}}
}

func runVerifiableProducer(c *call) error {
	for _, name := range []string{"topic", "bootstrap-server"} {
		if c.Missing(name) != nil {
			return misused("argument --%s is required", name)
		}
	}
	if a := c.Value("acks"); a != "-1" && a != "0" && a != "1" {
		return misused("argument --acks: invalid choice: '%s' (choose from {0,1,-1})", a)
	}
	props := map[string]string{"acks": c.Value("acks"), "retries": "0"}
	file, err := c.properties(sources{files: []string{"producer.config", "command-config"}})
	if err != nil {
		return err
	}
	for k, v := range file {
		props[k] = v
	}
	props["bootstrap.servers"] = c.Value("bootstrap-server")
	cl, err := c.producer(props, c.Value("topic"))
	if err != nil {
		return err
	}
	v := &verifiableProducer{call: c, cl: cl, start: time.Now()}
	v.loop()
	v.finish()
	return nil
}

// verifiableProducer prints one JSON object per event, for programs that check a cluster.
type verifiableProducer struct {
	*call
	cl    *kgo.Client
	start time.Time
	sent  int64
	mu    struct {
		sync.Mutex // of acked and of the output, which callbacks write too
		acked      int64
	}
}

// event begins every line. Fields are printed in the order of Kafka's tool.
type event struct {
	Timestamp int64  `json:"timestamp"`
	Name      string `json:"name"`
}

type sendSuccess struct {
	event
	Key       *string `json:"key"`
	Value     string  `json:"value"`
	Offset    int64   `json:"offset"`
	Topic     string  `json:"topic"`
	Partition int32   `json:"partition"`
}

type sendError struct {
	event
	Key       *string `json:"key"`
	Value     string  `json:"value"`
	Topic     string  `json:"topic"`
	Exception string  `json:"exception"`
	Message   string  `json:"message"`
}

type toolData struct {
	event
	Sent             int64   `json:"sent"`
	Acked            int64   `json:"acked"`
	TargetThroughput int64   `json:"target_throughput"`
	AvgThroughput    float64 `json:"avg_throughput"`
}

func named(name string) event { return event{time.Now().UnixMilli(), name} }

// eventJSON leaves < > & as they are, like Kafka's tools.
func eventJSON(what any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(what)
	return strings.TrimSuffix(b.String(), "\n"), err
}

func (v *verifiableProducer) emitLocked(what any) {
	line, err := eventJSON(what)
	if err != nil {
		panic("BUG: an event is no JSON: " + err.Error())
	}
	v.printf("%s\n", line)
	v.out.Flush()
}

func (v *verifiableProducer) emit(what any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.emitLocked(what)
}

func (v *verifiableProducer) loop() {
	v.emit(named("startup_complete"))
	limit, pace := v.Number("max-messages"), throttle{float64(v.Number("throughput")), v.start}
	for i := int64(0); (limit < 0 || i < limit) && v.ctx.Err() == nil; i++ {
		v.send(i)
		pace.wait(v.ctx, i+1)
	}
}

func (v *verifiableProducer) send(i int64) {
	value := fmt.Sprint(i)
	if v.Has("value-prefix") {
		value = v.Value("value-prefix") + "." + value
	}
	rec := &kgo.Record{Topic: v.Value("topic"), Value: []byte(value)}
	var key *string
	if n := v.Number("repeating-keys"); n > 0 {
		k := fmt.Sprint(i % n)
		key, rec.Key = &k, []byte(k)
	}
	if at := v.Number("message-create-time"); at >= 0 {
		rec.Timestamp = time.UnixMilli(at).Add(time.Since(v.start))
	}
	v.sent++
	v.cl.Produce(context.WithoutCancel(v.ctx), rec, func(r *kgo.Record, err error) { v.acked(key, value, r, err) })
}

func (v *verifiableProducer) acked(key *string, value string, r *kgo.Record, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil {
		v.emitLocked(sendError{named("producer_send_error"), key, value, r.Topic, "class " + javaException(err), kclient.Message(err)})
		return
	}
	v.mu.acked++
	v.emitLocked(sendSuccess{named("producer_send_success"), key, value, r.Offset, r.Topic, r.Partition})
}

func (v *verifiableProducer) finish() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.ctx), parting)
	defer cancel()
	v.cl.Flush(ctx)
	v.cl.Close()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.emitLocked(named("shutdown_complete"))
	ms := max(1, time.Since(v.start).Milliseconds())
	v.emitLocked(toolData{named("tool_data"), v.sent, v.mu.acked, v.Number("throughput"), 1000 * float64(v.mu.acked) / float64(ms)})
}

// javaException is the class that Kafka's client has for an error.
func javaException(err error) string {
	if errors.Is(err, kgo.ErrRecordTimeout) || errors.Is(err, context.DeadlineExceeded) {
		return "org.apache.kafka.common.errors.TimeoutException"
	}
	return "org.apache.kafka.common.KafkaException"
}
