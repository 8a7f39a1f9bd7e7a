package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// jdbc are the programs that write a topic into a database.
func jdbc() []program {
	return []program{
		{name: "jdbc-sink", version: "debezium-connector-jdbc " + debeziumVersion + ", PostgreSQL 15",
			what:  "rows of a topic in a table: inserted, replaced, deleted; a column that is added",
			heavy: true, needs: append(needsDatabase(postgresProgram("initdb"), postgresProgram("psql")), connectNeeds...),
			recipe: connectRecipe(), within: heavyWithin, run: jdbcSink},
	}
}

// jdbcSink writes 200 rows of 20 keys, of which the last one of each key stays, and deletes every fourth. Then a row has one
// more column.
func jdbcSink(ctx context.Context, s *scene) (err error) {
	db, err := postgres(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.drop()) }()
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.servers), kgo.DefaultProduceTopic("stock"), kgo.AllowAutoTopicCreation())
	if err != nil {
		return err
	}
	defer cl.Close()
	records, want := stockRows(20, 200)
	if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return err
	}
	w, err := newCluster(s, "jdbc", nil).start(ctx)
	if err != nil {
		return err
	}
	defer w.end()
	if err := w.connector(ctx, "stock", 1, map[string]string{
		"connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector", "tasks.max": "1", "topics": "stock",
		"connection.url": "jdbc:postgresql://127.0.0.1:" + db.port + "/postgres", "connection.username": "postgres", "connection.password": "none",
		"insert.mode": "upsert", "delete.enabled": "true", "primary.key.mode": "record_key", "schema.evolution": "basic"}); err != nil {
		return err
	}
	if err := db.holds(ctx, "SELECT product, quantity FROM stock ORDER BY product", want); err != nil {
		return err
	}
	wider := stockRow(map[string]any{"product": "zz", "quantity": 7, "shelf": "top"})
	if err := cl.ProduceSync(ctx, wider).FirstErr(); err != nil {
		return err
	}
	return db.holds(ctx, "SELECT product, quantity, shelf FROM stock WHERE product = 'zz'", "zz\t7\ttop")
}

// stockRows are n records of so many keys, and what a table of them holds in the end.
func stockRows(keys, n int) (records []*kgo.Record, table string) {
	for i := range n {
		records = append(records, stockRow(map[string]any{"product": fmt.Sprintf("p%02d", i%keys), "quantity": i}))
	}
	var lines []string
	for k := range keys {
		product := fmt.Sprintf("p%02d", k)
		if k%4 == 0 {
			gone := stockRow(map[string]any{"product": product, "quantity": 0})
			gone.Value = nil
			records = append(records, gone)
			continue
		}
		lines = append(lines, fmt.Sprintf("%s\t%d", product, n-keys+k))
	}
	return records, strings.Join(lines, "\n")
}

// stockRow is a record with its schema in it, as the JSON converter of Connect reads it.
func stockRow(row map[string]any) *kgo.Record {
	types := map[string]string{"product": "string", "quantity": "int32", "shelf": "string"}
	with := func(columns ...string) []byte {
		var fields []map[string]any
		payload := map[string]any{}
		for _, name := range columns {
			if value, ok := row[name]; ok {
				fields = append(fields, map[string]any{"field": name, "type": types[name], "optional": name == "shelf"})
				payload[name] = value
			}
		}
		text, err := json.Marshal(map[string]any{"schema": map[string]any{"type": "struct", "optional": false, "fields": fields}, "payload": payload})
		if err != nil {
			panic("BUG: " + err.Error()) // strings and numbers
		}
		return text
	}
	return &kgo.Record{Key: with("product"), Value: with("product", "quantity", "shelf")}
}

// holds waits until a query has that result.
func (d *database) holds(ctx context.Context, query, want string) error {
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		got, err := d.sql(ctx, query) // the table or the column may not be there yet
		if err == nil && got == want {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %q and not %q: %w", query, got, want, errors.Join(ctx.Err(), err))
		}
	}
}
