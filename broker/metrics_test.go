package broker_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/thalweg-io/thalweg/broker"
	"github.com/thalweg-io/thalweg/broker/brokertest"
)

var rewrite = flag.Bool("rewrite", false, "write generated pages anew")

// families reads an exposition with Prometheus's own parser.
func families(t testing.TB, text []byte) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.UTF8Validation)
	out, err := p.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return out
}

func get(t testing.TB, b *brokertest.Broker, path string) (int, string, http.Header) {
	t.Helper()
	resp, err := http.Get("http://" + b.MetricsAddress() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

func scrape(t testing.TB, b *brokertest.Broker) map[string]*dto.MetricFamily {
	t.Helper()
	code, body, head := get(t, b, "/metrics")
	if code != http.StatusOK || !strings.HasPrefix(head.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("status %d, header %v", code, head)
	}
	return families(t, []byte(body))
}

func withMetrics() brokertest.Option {
	return brokertest.WithProperty("metrics.listener", "127.0.0.1:0")
}

// sample is the value of a counter or gauge with these labels ("name", "value", …), or the count of a summary.
func sample(t testing.TB, all map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	want := map[string]string{}
	for i := 0; i < len(labels); i += 2 {
		want[labels[i]] = labels[i+1]
	}
	f := all[name]
	if f == nil {
		t.Fatalf("no family %s", name)
	}
	for _, m := range f.Metric {
		same := len(m.Label) == len(want)
		for _, l := range m.Label {
			same = same && want[l.GetName()] == l.GetValue()
		}
		switch {
		case !same:
		case m.Counter != nil:
			return m.Counter.GetValue()
		case m.Gauge != nil:
			return m.Gauge.GetValue()
		case m.Summary != nil:
			return float64(m.Summary.GetSampleCount())
		}
	}
	t.Fatalf("%s has no sample %v", name, want)
	return 0
}

// The page lists exactly what the code declares. go test ./broker -run MetricsPage -rewrite brings it up to date.
func TestMetricsPage(t *testing.T) {
	const path, begin, end = "../docs/metrics.md", "<!-- generated: begin -->\n", "<!-- generated: end -->\n"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(page), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no generated part", path)
	}
	want := head + begin + "\n" + broker.MetricTables() + end + tail
	if want == string(page) {
		return
	}
	if !*rewrite {
		t.Fatalf("%s is not what the code exports; run this test with -rewrite", path)
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What a busy broker exports is valid, all of it is declared, of the declared type and labels, and declared families
// are there. (Those of the process that only some systems have excepted.)
func TestMetricsAreDeclared(t *testing.T) {
	b := brokertest.Start(t, withMetrics())
	c := dialRaw(t, b.Addr())
	createTopic(t, c, "orders")
	got := scrape(t, b)
	declared := broker.MetricFamilies()
	for name, f := range got {
		d := declared[name]
		if d == nil {
			t.Errorf("%s is exported and not declared", name)
			continue
		}
		if kind := strings.ToLower(f.GetType().String()); kind != d.Kind.String() {
			t.Errorf("%s is a %s, declared as %s", name, kind, d.Kind)
		}
		if f.GetHelp() == "" || len(f.Metric) == 0 {
			t.Errorf("%s has no meaning or no samples", name)
		}
	}
	for name, d := range declared {
		if got[name] == nil && !strings.HasPrefix(name, "process_") && len(d.Labels) == 0 {
			t.Errorf("%s is declared and not exported", name)
		}
		if d.Kind.String() == "counter" != strings.HasSuffix(name, "_total") {
			t.Errorf("%s is a %s", name, d.Kind)
		}
	}
}

// Records and requests are counted: what a client has done stands in the metrics, to the byte.
func TestMetricsCount(t *testing.T) {
	b := brokertest.Start(t, withMetrics())
	c := dialRaw(t, b.Addr())
	createTopic(t, c, "orders")
	produced := produceFrame(t, "orders", [16]byte{}, 9, -1, 3, 100)
	for range 2 {
		checkProduced(t, 9, c.call(produced))
	}
	size := float64(len(checkFetched(t, 12, c.call(fetchFrame("orders", [16]byte{}, 12, 0, 1<<20, 0)))))
	got := scrape(t, b)
	for _, w := range []struct {
		name   string
		want   float64
		labels []string
	}{
		{"kafka_server_brokertopicmetrics_messagesin_total", 6, []string{"topic", "orders"}},
		{"kafka_server_brokertopicmetrics_messagesin_total", 6, nil},
		{"kafka_server_brokertopicmetrics_bytesin_total", size, []string{"topic", "orders"}},
		{"kafka_server_brokertopicmetrics_totalproducerequests_total", 2, []string{"topic", "orders"}},
		{"kafka_server_brokertopicmetrics_failedproducerequests_total", 0, []string{"topic", "orders"}},
		{"kafka_server_brokertopicmetrics_bytesout_total", size, []string{"topic", "orders"}},
		{"kafka_server_brokertopicmetrics_totalfetchrequests_total", 1, []string{"topic", "orders"}},
		{"kafka_log_log_logendoffset", 6, []string{"topic", "orders", "partition", "0"}},
		{"kafka_log_log_size", size, []string{"topic", "orders", "partition", "0"}},
		{"kafka_server_replicamanager_partitioncount", 1, nil},
		{"kafka_server_replicamanager_leadercount", 1, nil},
		{"kafka_server_replicamanager_offlinereplicacount", 0, nil},
		{"kafka_server_replicamanager_underreplicatedpartitions", 0, nil},
		{"kafka_controller_kafkacontroller_activecontrollercount", 1, nil},
		{"kafka_controller_kafkacontroller_globaltopiccount", 1, nil},
		{"kafka_controller_kafkacontroller_offlinepartitionscount", 0, nil},
		{"kafka_network_requestmetrics_requests_total", 2, []string{"request", "Produce", "version", "9"}},
		{"kafka_network_requestmetrics_totaltimems", 2, []string{"request", "Produce"}},
		{"kafka_server_socket_server_metrics_connection_count", 1, []string{"listener", "PLAINTEXT"}},
		{"kafka_server_kafkaserver_brokerstate", 3, nil},
	} {
		if v := sample(t, got, w.name, w.labels...); v != w.want {
			t.Errorf("%s%v is %v, want %v", w.name, w.labels, v, w.want)
		}
	}
}

// Without the key nothing listens; with it, on loopback.
func TestMetricsListener(t *testing.T) {
	if at := brokertest.Start(t).MetricsAddress(); at != "" {
		t.Errorf("metrics at %s without being asked", at)
	}
	b := brokertest.Start(t, brokertest.WithProperty("metrics.listener", ":0"))
	host, _, err := net.SplitHostPort(b.MetricsAddress())
	if err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("metrics at %s", b.MetricsAddress())
	}
	if code, _, _ := get(t, b, "/elsewhere"); code != http.StatusNotFound {
		t.Errorf("another path is answered by %d", code)
	}
	_, _, err = broker.FromProperties(map[string]string{"metrics.listener": "nonsense"})
	if err == nil {
		_, err = broker.New(broker.Config{MetricsListener: "nonsense"})
	}
	if !errors.Is(err, broker.ErrConfig) {
		t.Errorf("nonsense is taken for an address: %v", err)
	}
}

// Profiles are served only where they are asked for, and never beyond loopback.
func TestProfiling(t *testing.T) {
	if code, _, _ := get(t, brokertest.Start(t, withMetrics()), "/debug/pprof/"); code != http.StatusNotFound {
		t.Errorf("without being asked: %d", code)
	}
	b := brokertest.Start(t, withMetrics(), brokertest.WithProperty("metrics.profiling", "true"))
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap?debug=1", "/debug/pprof/goroutine?debug=1"} {
		if code, body, _ := get(t, b, path); code != http.StatusOK || !strings.Contains(body, "goroutine") && !strings.Contains(body, "heap profile") {
			t.Errorf("%s: %d %.100q", path, code, body)
		}
	}
	for _, at := range []string{"", "0.0.0.0:9404", "192.0.2.1:9404", "example.com:9404"} {
		if _, err := broker.New(broker.Config{MetricsListener: at, Profiling: true}); !errors.Is(err, broker.ErrConfig) {
			t.Errorf("profiles at %q: %v", at, err)
		}
	}
	for _, at := range []string{":9404", "localhost:9404", "[::1]:9404"} {
		if _, err := broker.New(broker.Config{MetricsListener: at, Profiling: true}); err != nil {
			t.Errorf("profiles at %q: %v", at, err)
		}
	}
}

// The probes say yes while the broker serves and no, with a reason, when it does not.
func TestProbes(t *testing.T) {
	b := brokertest.Start(t, withMetrics())
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, body, _ := get(t, b, path); code != http.StatusOK || body != "ok\n" {
			t.Errorf("%s of a serving broker: %d %q", path, code, body)
		}
	}
	// A request that is under way holds the shutdown up.
	c := dialRaw(t, b.Addr())
	createTopic(t, c, "orders")
	before := b.MetricsHandler()
	if err := b.Broker.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := http.Get("http://" + b.MetricsAddress() + "/readyz"); err == nil {
		t.Error("the metrics listener outlives its broker")
	}
	for _, path := range []string{"/readyz", "/metrics"} {
		w := newAnswer()
		req, _ := http.NewRequest(http.MethodGet, path, nil)
		before.ServeHTTP(w, req)
		switch {
		case path == "/readyz" && (w.code != http.StatusServiceUnavailable || w.body.String() != "stopping\n"):
			t.Errorf("%s of a stopping broker: %d %q", path, w.code, &w.body)
		case path == "/metrics" && families(t, w.body.Bytes())["kafka_server_kafkaserver_brokerstate"].Metric[0].Gauge.GetValue() != 7:
			t.Errorf("state in:\n%s", &w.body)
		}
	}
}

// answer is a ResponseWriter in memory.
type answer struct {
	code int
	head http.Header
	body bytes.Buffer
}

func newAnswer() *answer                      { return &answer{code: http.StatusOK, head: http.Header{}} }
func (a *answer) Header() http.Header         { return a.head }
func (a *answer) WriteHeader(code int)        { a.code = code }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }

// TestQuotaMetrics: who is throttled is told by client id, with the time.
func TestQuotaMetrics(t *testing.T) {
	b := brokertest.Start(t, withMetrics(), shortWindow)
	c := dialRaw(t, b.Addr())
	id := createTopic(t, c, "orders")
	setQuota(t, b, "raw", "producer_byte_rate", 1000)
	checkProduced(t, 9, c.call(produceFrame(t, "orders", id, 9, 1, 1, 3000)))
	got := scrape(t, b)
	labels := []string{"quota", "producer_byte_rate", "client_id", "raw"}
	if n := sample(t, got, "thalweg_quota_throttled_total", labels...); n != 1 {
		t.Errorf("throttled %v times", n)
	}
	if s := sample(t, got, "thalweg_quota_throttle_seconds_total", labels...); s < 2 || s > 2.2 {
		t.Errorf("throttled for %v s", s)
	}
	if n := sample(t, got, "thalweg_quota_accounts"); n != 1 {
		t.Errorf("%v accounts", n)
	}
}
