package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker"
	"github.com/thalweg-io/thalweg/internal/cli/properties"
)

// shown runs config show and returns its rows by key.
func shown(t *testing.T, args ...string) map[string]map[string]any {
	t.Helper()
	code, out, errs := call(append([]string{"config", "show", "-o", "json"}, args...)...)
	if code != 0 || errs != "" {
		t.Fatalf("exit %d, %s", code, errs)
	}
	var rows []map[string]any
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatal(err)
	}
	byKey := map[string]map[string]any{}
	for _, r := range rows {
		byKey[r["key"].(string)] = r
	}
	return byKey
}

// Every key of the files that Kafka ships is shown with its line, and has an effect or the reason why it has none.
func TestConfigShowOfKafkasFiles(t *testing.T) {
	for _, name := range []string{"kraft", "zookeeper"} {
		path := filepath.Join("testdata", "server", name+".properties")
		entries, err := properties.ReadEntries(path)
		if err != nil {
			t.Fatal(err)
		}
		rows := shown(t, path, "--given")
		if len(rows) != len(entries) {
			t.Errorf("%s: %d keys shown of %d", name, len(rows), len(entries))
		}
		effective := map[string]bool{}
		for _, k := range broker.EffectiveKeys() {
			effective[k] = true
		}
		for key, e := range entries {
			row := rows[key]
			if row["source"] != fmt.Sprintf("%s:%d", path, e.Line) {
				t.Errorf("%s: source %v", key, row["source"])
			}
			note, _ := row["note"].(string)
			if effective[key] == strings.HasPrefix(note, "no effect: ") {
				t.Errorf("%s: note %q", key, note)
			}
			if row["value"] != e.Value && key != "listeners" && key != "advertised.listeners" {
				t.Errorf("%s: value %v, not %s", key, row["value"], e.Value)
			}
		}
	}
	rows := shown(t, filepath.Join("testdata", "server", "kraft.properties"), "--override", "node.id=9")
	if r := rows["listeners"]; r["value"] != "PLAINTEXT://:9092" || r["note"] != "without CONTROLLER://:9093: a node here needs no listener for controllers" {
		t.Errorf("%v", r)
	}
	if r := rows["node.id"]; r["value"] != "9" || r["source"] != "--override, over "+filepath.Join("testdata", "server", "kraft.properties")+":4" {
		t.Errorf("%v", r)
	}
	if r := rows["flush.policy"]; r["value"] != "group" || r["source"] != "default" || r["note"] != nil {
		t.Errorf("%v", r)
	}
	for _, k := range broker.EffectiveKeys() {
		if r, ok := rows[k]; ok && r["source"] == nil {
			t.Errorf("%s has no source", k)
		}
	}
}
