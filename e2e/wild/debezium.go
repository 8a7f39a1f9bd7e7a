package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// debezium are the programs that read the changes of a database.
func debezium() []program {
	return []program{
		{name: "debezium-postgres", version: "debezium-connector-postgres " + debeziumVersion + ", PostgreSQL 15",
			what:  "rows of a snapshot, inserted, updated, deleted; what changed while the worker was away",
			heavy: true, needs: append(needsDatabase(postgresProgram("initdb"), postgresProgram("psql")), connectNeeds...),
			recipe: connectRecipe(), within: heavyWithin, run: debeziumPostgres},
		{name: "debezium-mariadb", version: "debezium-connector-mariadb " + debeziumVersion + ", MariaDB 10.11",
			what:  "the same, and a column that is added; the history of the schema in a topic",
			heavy: true, needs: append(needsDatabase("mariadbd", "mariadb-install-db", "mariadb"), connectNeeds...),
			recipe: connectRecipe(), within: heavyWithin, run: debeziumMariaDB},
	}
}

// plainJSON has no schemas in the records.
var plainJSON = map[string]string{"key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false"}

// change is what a record says of a row: as Debezium's envelope has it, or nothing for the tombstone after a deletion.
type change struct{ op, before, after string }

const tombstone = "tombstone"

// ann, bob and so on are rows.
const (
	ann   = `{"id":1,"name":"Ann","city":"Bonn"}`
	bob   = `{"id":2,"name":"Bob","city":"Bern"}`
	bob2  = `{"id":2,"name":"Bob","city":"Basel"}`
	cleo  = `{"id":3,"name":"Cleo","city":"Cork"}`
	dan   = `{"id":4,"name":"Dan","city":"Delft"}`
	rows  = "(1, 'Ann', 'Bonn'), (2, 'Bob', 'Bern')"
	three = "BEGIN; INSERT INTO customers VALUES (3, 'Cleo', 'Cork'); UPDATE customers SET city = 'Basel' WHERE id = 2; DELETE FROM customers WHERE id = 1; COMMIT"
)

// fiveChanges are those of a snapshot of two rows and then of a transaction of three changes.
var fiveChanges = []change{{"r", "null", ann}, {"r", "null", bob}, {"c", "null", cleo}, {"u", bob, bob2}, {"d", ann, "null"}, {op: tombstone}}

// debeziumPostgres reads the changes of a table through a replication slot.
func debeziumPostgres(ctx context.Context, s *scene) (err error) {
	db, err := postgres(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.drop()) }()
	if _, err := db.sql(ctx, "CREATE TABLE customers (id int PRIMARY KEY, name text, city text); ALTER TABLE customers REPLICA IDENTITY FULL; INSERT INTO customers VALUES "+rows); err != nil {
		return err
	}
	c := capture{newCluster(s, "postgres", plainJSON), db, "shop.public.customers", map[string]string{
		"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "tasks.max": "1",
		"database.hostname": "127.0.0.1", "database.port": db.port, "database.user": "postgres", "database.password": "none", "database.dbname": "postgres",
		"plugin.name": "pgoutput", "table.include.list": "public.customers", "topic.prefix": "shop", "provide.transaction.metadata": "true"}}
	want := slices.Clone(fiveChanges)
	if err := c.first(ctx, want); err != nil {
		return err
	}
	if _, err := db.sql(ctx, "INSERT INTO customers VALUES (4, 'Dan', 'Delft')"); err != nil {
		return err
	}
	return c.goesOn(ctx, append(want, change{"c", "null", dan}))
}

// debeziumMariaDB reads the changes of a table from the binary log, whose schema it keeps in a topic.
func debeziumMariaDB(ctx context.Context, s *scene) (err error) {
	db, err := mariadb(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.drop()) }()
	if _, err := db.sql(ctx, "CREATE DATABASE shop; USE shop; CREATE TABLE customers (id int PRIMARY KEY, name text, city text); INSERT INTO customers VALUES "+rows+
		"; CREATE USER debezium@'127.0.0.1' IDENTIFIED BY 'dbz'; GRANT ALL ON *.* TO debezium@'127.0.0.1'"); err != nil {
		return err
	}
	db.client = slices.Insert(db.client, len(db.client)-1, "shop")
	c := capture{newCluster(s, "mariadb", plainJSON), db, "shop.shop.customers", map[string]string{
		"connector.class": "io.debezium.connector.mariadb.MariaDbConnector", "tasks.max": "1", "database.server.id": "5400",
		"database.hostname": "127.0.0.1", "database.port": db.port, "database.user": "debezium", "database.password": "dbz", "database.ssl.mode": "disable",
		"database.include.list": "shop", "topic.prefix": "shop", "provide.transaction.metadata": "true",
		"schema.history.internal.kafka.bootstrap.servers": s.servers, "schema.history.internal.kafka.topic": "shop-history"}}
	want := slices.Clone(fiveChanges)
	if err := c.first(ctx, want); err != nil {
		return err
	}
	if _, err := db.sql(ctx, "ALTER TABLE customers ADD age int; INSERT INTO customers VALUES (4, 'Dan', 'Delft', 44)"); err != nil {
		return err
	}
	if err := c.goesOn(ctx, append(want, change{"c", "null", `{"id":4,"name":"Dan","city":"Delft","age":44}`})); err != nil {
		return err
	}
	return c.history(ctx)
}

// capture is a connector that writes the changes of a table of a database to a topic.
type capture struct {
	cluster
	db     *database
	topic  string
	config map[string]string
}

// first makes the connector, changes rows when it runs, and stops the worker.
func (c capture) first(ctx context.Context, want []change) error {
	w, err := c.start(ctx)
	if err != nil {
		return err
	}
	defer w.end()
	if err := w.connector(ctx, "customers", 1, c.config); err != nil {
		return err
	}
	if err := c.changes(ctx, want[:2]); err != nil { // else they may be in the snapshot
		return err
	}
	if _, err := c.db.sql(ctx, three); err != nil {
		return err
	}
	return errors.Join(c.changes(ctx, want), c.transaction(ctx))
}

// goesOn starts a worker again: it has the connector, and continues where the last one stopped.
func (c capture) goesOn(ctx context.Context, want []change) error {
	w, err := c.start(ctx)
	if err != nil {
		return err
	}
	defer w.end()
	if _, err := w.runs(ctx, "customers", 1); err != nil {
		return err
	}
	return c.changes(ctx, want)
}

// changes waits for as many records as there shall be changes, and compares.
func (c capture) changes(ctx context.Context, want []change) error {
	read, err := c.scene.records(ctx, c.topic, count(len(want)))
	if err != nil {
		return err
	}
	var got []change
	for _, r := range read {
		one, err := envelope(r)
		if err != nil {
			return err
		}
		got = append(got, one)
	}
	same := func(a, b change) bool {
		return a.op == b.op && sameJSON(a.before, b.before) && sameJSON(a.after, b.after)
	}
	if !slices.EqualFunc(got, want, same) {
		return fmt.Errorf("the changes are %q and not %q", got, want)
	}
	return nil
}

// envelope reads a record and wants the five keys that every change has.
func envelope(r *kgo.Record) (change, error) {
	if r.Value == nil {
		return change{op: tombstone}, nil
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(r.Value, &keys); err != nil {
		return change{}, fmt.Errorf("%s: %w", r.Value, err)
	}
	for _, key := range []string{"before", "after", "op", "ts_ms", "transaction"} {
		if _, ok := keys[key]; !ok {
			return change{}, fmt.Errorf("%s has no %s", r.Value, key)
		}
	}
	return change{strings.Trim(string(keys["op"]), `"`), string(keys["before"]), string(keys["after"])}, nil
}

func sameJSON(a, b string) bool {
	var x, y any
	if a == b {
		return true
	}
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// transaction checks that the three changes name one transaction, whose begin and end are in a topic of their own.
func (c capture) transaction(ctx context.Context) error {
	read, err := c.scene.records(ctx, c.topic, count(len(fiveChanges)))
	if err != nil {
		return err
	}
	var id string
	for i, r := range read[2:5] {
		var of struct {
			Transaction struct {
				ID    string `json:"id"`
				Order int    `json:"total_order"`
			} `json:"transaction"`
		}
		if err := json.Unmarshal(r.Value, &of); err != nil {
			return err
		}
		if i == 0 {
			id = nameOf(of.Transaction.ID)
		}
		if nameOf(of.Transaction.ID) != id || id == "" || of.Transaction.Order != i+1 {
			return fmt.Errorf("change %d of transaction %q: %s", i+1, id, r.Value)
		}
	}
	ends := func(read []*kgo.Record) bool {
		return slices.ContainsFunc(read, func(r *kgo.Record) bool {
			var of struct {
				Status string `json:"status"`
				ID     string `json:"id"`
				Events int    `json:"event_count"`
			}
			return json.Unmarshal(r.Value, &of) == nil && of.Status == "END" && nameOf(of.ID) == id && of.Events == 3
		})
	}
	_, err = c.scene.records(ctx, "shop.transaction", ends)
	return err
}

// nameOf cuts off where in the log PostgreSQL wrote the change.
func nameOf(transaction string) string {
	name, _, _ := strings.Cut(transaction, ":")
	return name
}

// history checks that the topic of the schema's history tells of the table and of its new column.
func (c capture) history(ctx context.Context) error {
	told := func(text string) func([]*kgo.Record) bool {
		return func(read []*kgo.Record) bool {
			return slices.ContainsFunc(read, func(r *kgo.Record) bool { return strings.Contains(string(r.Value), text) })
		}
	}
	for _, text := range []string{"CREATE TABLE `customers`", "ALTER TABLE customers ADD age int"} {
		if _, err := c.scene.records(ctx, "shop-history", told(text)); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}
