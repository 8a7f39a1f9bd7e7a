package main

import (
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/thalweg-io/thalweg/e2e/recipe"
)

//go:embed flink spark
var shortageSources embed.FS

// shortages are two systems that read orders and order what runs short. Both must find what stockOf finds, and so the
// same.
func shortages() []program {
	const what = "stock shortage: one replenishment for each product below its threshold; "
	flink := recipe.Recipe{Name: "wild-flink", Sources: folder(shortageSources, "flink"), Build: [][]string{
		{"mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=lib"},
		{"javac", "-cp", filepath.Join("lib", "*"), "Shortage.java"}}}
	spark := recipe.Recipe{Name: "wild-spark", Sources: folder(shortageSources, "spark"), Build: [][]string{
		{"mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=lib",
			"-DincludeArtifactIds=spark-sql-kafka-0-10_2.13,spark-token-provider-kafka-0-10_2.13,kafka-clients,commons-pool2"},
		{"python3", "-m", "venv", "venv"},
		{recipe.Venv("python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", "requirements.txt"}}}
	const flinkVersion = "Flink 2.2.1, flink-connector-kafka 5.0.0-2.2"
	return []program{
		{name: "flink-shortage", version: flinkVersion, what: what + "killed, and on from its last checkpoint",
			heavy: true, needs: []string{"mvn", "javac"}, recipe: flink, within: heavyWithin, run: flinkShortage},
		{name: "flink-exactly-once", version: flinkVersion, what: what + "in transactions",
			heavy: true, needs: []string{"mvn", "javac"}, recipe: flink, within: heavyWithin, run: flinkExactlyOnce, until: "transactions", fails: noTransactions},
		{name: "spark-shortage", version: "PySpark 4.2.0, spark-sql-kafka-0-10 4.2.0", what: what + "in two runs with one checkpoint",
			heavy: true, needs: []string{"mvn", "java", "python3"}, recipe: spark, within: heavyWithin, run: sparkShortage},
	}
}

// What each product has, and where it runs short; the programs have these numbers, too.
const (
	fullStock = 100
	threshold = 20
)

// order is somebody's order of a product.
type order struct {
	Order    int    `json:"order"`
	Product  string `json:"product"`
	Quantity int    `json:"quantity"`
}

// replenishment is what must be bought, and the order because of which.
type replenishment struct {
	Product  string `json:"product"`
	Because  int    `json:"because"`
	Quantity int    `json:"quantity"`
}

// depot is a stream of orders, the same ones each time, and what comes of them.
type depot struct {
	scene  *scene
	orders []order
	want   []replenishment // by product
}

func newDepot(s *scene) depot {
	random := rand.New(rand.NewPCG(1, 2))
	var orders []order
	for i := range 800 { // so that some products run short in the first half, some in the second and some never
		orders = append(orders, order{i, fmt.Sprintf("p%02d", min(random.IntN(24), random.IntN(24))), 1 + random.IntN(8)})
	}
	return depot{s, orders, replenishments(orders)}
}

// replenishments are what orders must lead to.
func replenishments(orders []order) (found []replenishment) {
	left := map[string]int{}
	for _, o := range orders {
		if _, ok := left[o.Product]; !ok {
			left[o.Product] = fullStock
		}
		before := left[o.Product]
		left[o.Product] -= o.Quantity
		if before >= threshold && left[o.Product] < threshold {
			found = append(found, replenishment{o.Product, o.Order, fullStock - left[o.Product]})
		}
	}
	slices.SortFunc(found, byProduct)
	return found
}

func byProduct(a, b replenishment) int { return cmp.Compare(a.Product, b.Product) }

// open makes the topics.
func (s depot) open(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.scene.servers))
	if err != nil {
		return err
	}
	defer cl.Close()
	_, err = kadm.NewClient(cl).CreateTopics(ctx, 3, 1, nil, "orders", "replenishments")
	return err
}

// sell writes orders; those of a product go to one partition.
func (s depot) sell(ctx context.Context, orders []order) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.scene.servers), kgo.DefaultProduceTopic("orders"))
	if err != nil {
		return err
	}
	defer cl.Close()
	var records []*kgo.Record
	for _, o := range orders {
		text, err := json.Marshal(o)
		if err != nil {
			return err
		}
		records = append(records, &kgo.Record{Key: []byte(o.Product), Value: text})
	}
	return cl.ProduceSync(ctx, records...).FirstErr()
}

// replenished waits for what shall be ordered, and compares.
func (s depot) replenished(ctx context.Context, want []replenishment) error {
	read, err := s.scene.records(ctx, "replenishments", count(len(want)))
	if err != nil {
		return err
	}
	var got []replenishment
	for _, r := range read {
		var one replenishment
		if err := json.Unmarshal(r.Value, &one); err != nil {
			return fmt.Errorf("%s: %w", r.Value, err)
		}
		got = append(got, one)
	}
	slices.SortFunc(got, byProduct)
	if !slices.Equal(got, want) {
		return fmt.Errorf("the replenishments are %v and not %v", got, want)
	}
	return nil
}

// flinkShortage sells half of the orders, kills the job when a checkpoint has them all, sells the rest and goes on.
func flinkShortage(ctx context.Context, s *scene) error {
	depot := newDepot(s)
	if err := depot.open(ctx); err != nil {
		return err
	}
	checkpoints := filepath.Join(s.tmp, "checkpoints")
	half := len(depot.orders) / 2
	if err := depot.sell(ctx, depot.orders[:half]); err != nil {
		return err
	}
	if err := depot.flink(ctx, replenishments(depot.orders[:half]), "AT_LEAST_ONCE", checkpoints); err != nil {
		return err
	}
	if err := depot.sell(ctx, depot.orders[half:]); err != nil {
		return err
	}
	last, err := lastCheckpoint(checkpoints)
	if err != nil {
		return err
	}
	return depot.flink(ctx, depot.want, "AT_LEAST_ONCE", checkpoints, last)
}

// flinkExactlyOnce is the same without the kill, with replenishments in transactions.
func flinkExactlyOnce(ctx context.Context, s *scene) error {
	depot := newDepot(s)
	if err := depot.open(ctx); err != nil {
		return err
	}
	if err := depot.sell(ctx, depot.orders); err != nil {
		return err
	}
	return depot.flink(ctx, depot.want, "EXACTLY_ONCE", filepath.Join(s.tmp, "checkpoints"))
}

// flink runs the job until it has committed all orders, which it does with a checkpoint, and kills it.
func (s depot) flink(ctx context.Context, want []replenishment, args ...string) error {
	argv := []string{"java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"--add-opens", "java.base/java.util=ALL-UNNAMED", "--add-opens", "java.base/java.lang=ALL-UNNAMED",
		"-cp", recipe.JavaPath(), "Shortage", s.scene.servers}
	p, err := launch(ctx, s.scene.dir, nil, append(argv, args...)...)
	if err != nil {
		return err
	}
	defer p.kill()
	if err := s.committed(ctx, p); err != nil {
		return err
	}
	return s.replenished(ctx, want)
}

// committed waits until the group of the job has committed all orders. Errors: the job has ended.
func (s depot) committed(ctx context.Context, p *process) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.scene.servers))
	if err != nil {
		return err
	}
	defer cl.Close()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		lags, err := kadm.NewClient(cl).Lag(ctx, "stock")
		if err == nil {
			err = lags.Error()
		}
		if lag := lags["stock"].Lag; err == nil && len(lag["orders"]) > 0 && lag.Total() == 0 {
			return nil
		}
		select {
		case <-again.C:
		case <-p.exited:
			return errors.New(p.ended())
		case <-ctx.Done():
			return fmt.Errorf("%w; %s", errors.Join(ctx.Err(), err), p.ended())
		}
	}
}

// lastCheckpoint finds the checkpoint with the highest number that is complete.
func lastCheckpoint(dir string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*", "chk-*", "_metadata"))
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("no checkpoint in %s: %w", dir, err)
	}
	number := func(path string) (n int) {
		_, _ = fmt.Sscanf(filepath.Base(filepath.Dir(path)), "chk-%d", &n) // 0 if it has another name
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(number(a), number(b)) })), nil
}

// sparkShortage sells half of the orders, lets the query read them and end, sells the rest and runs it again.
func sparkShortage(ctx context.Context, s *scene) error {
	depot := newDepot(s)
	if err := depot.open(ctx); err != nil {
		return err
	}
	half := len(depot.orders) / 2
	for _, part := range [][]order{depot.orders[:half], depot.orders[half:]} {
		if err := depot.sell(ctx, part); err != nil {
			return err
		}
		p, err := launch(ctx, s.dir, []string{"SPARK_LOCAL_IP=127.0.0.1"}, recipe.Venv("python"), "-u", "shortage.py", s.servers, filepath.Join(s.tmp, "checkpoint"))
		if err != nil {
			return err
		}
		if err := p.wait(ctx); err != nil {
			return err
		}
	}
	return depot.replenished(ctx, depot.want)
}
