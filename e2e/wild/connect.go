package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/thalweg-io/thalweg/e2e/recipe"
)

const (
	connectVersion  = "4.1.1" // pom-worker.xml
	debeziumVersion = "3.5.0" // the other poms
)

// connectNeeds are the programs that build and run a worker.
var connectNeeds = []string{"java", "mvn"}

//go:embed connect
var connectSources embed.FS

// connectRecipe gets the jars of a worker and of its connectors, without those that a worker gives to them.
func connectRecipe() recipe.Recipe {
	get := func(project, into string, more ...string) []string {
		return append([]string{"mvn", "-q", "-B", "-f", "pom-" + project + ".xml", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=" + into}, more...)
	}
	r := recipe.Recipe{Name: "wild-connect", Sources: folder(connectSources, "connect"), Build: [][]string{get("worker", "worker")}}
	for _, plugin := range []string{"postgres", "mariadb", "jdbc"} {
		r.Build = append(r.Build, get(plugin, filepath.Join(plugin, "plugin"), "-DexcludeGroupIds=org.apache.kafka,org.slf4j,com.fasterxml.jackson.core"))
	}
	return r
}

// cluster is a cluster of Kafka Connect in distributed mode.
type cluster struct {
	scene    *scene
	settings map[string]string // of all its workers
}

// newCluster describes a cluster whose workers know a connector of the recipe, or only those that come with Kafka. More is
// added to their settings and wins.
func newCluster(s *scene, plugin string, more map[string]string) cluster {
	settings := map[string]string{
		"bootstrap.servers": s.servers, "group.id": "connect",
		"config.storage.topic": "connect-configs", "config.storage.replication.factor": "1",
		"offset.storage.topic": "connect-offsets", "offset.storage.replication.factor": "1", "offset.storage.partitions": "5",
		"status.storage.topic": "connect-status", "status.storage.replication.factor": "1", "status.storage.partitions": "2",
		"key.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter",
		"listeners": "http://127.0.0.1:0", "plugin.discovery": "service_load",
		"session.timeout.ms": "6000", "heartbeat.interval.ms": "2000", // the least that is allowed: workers are killed
		"scheduled.rebalance.max.delay.ms": "0", "offset.flush.interval.ms": "1000",
	}
	if plugin != "" {
		settings["plugin.path"] = filepath.Join(s.dir, plugin)
	}
	maps.Copy(settings, more)
	return cluster{s, settings}
}

// worker is a process of a cluster and its REST interface.
type worker struct {
	*process
	url string
}

var restLine = regexp.MustCompile(`REST server listening at (http://127\.0\.0\.1:\d+)`)

// start starts a worker and waits until it answers. Whoever starts one ends it.
func (c cluster) start(ctx context.Context) (*worker, error) {
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(c.settings)) {
		fmt.Fprintf(&text, "%s=%s\n", key, c.settings[key])
	}
	file := filepath.Join(c.scene.tmp, "worker.properties")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return nil, err
	}
	p, err := launch(ctx, c.scene.dir, nil, "java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Duser.timezone=UTC",
		"-Dlog4j2.configurationFile=log4j2.properties", "-cp", filepath.Join("worker", "*"), "org.apache.kafka.connect.cli.ConnectDistributed", file)
	if err != nil {
		return nil, err
	}
	w := &worker{process: p}
	err = p.prints(ctx, func(line string) bool {
		if m := restLine.FindStringSubmatch(line); m != nil {
			w.url = m[1]
		}
		return w.url != "" && strings.Contains(line, "REST resources initialized")
	})
	if err == nil {
		err = w.ask(ctx, http.MethodGet, "/connectors", nil, nil)
	}
	if err != nil {
		p.kill()
		return nil, err
	}
	return w, nil
}

// restError is an answer of the REST interface that is not a success.
type restError struct {
	status int
	text   string
}

func (e restError) Error() string { return fmt.Sprintf("%d: %.1000s", e.status, e.text) }

// ask sends a request and decodes the answer, in and out being nil or JSON. While the worker says that its cluster is not
// ready for it, it asks again. Errors: restError (wrapped) for any other refusal, and when the context ends; what the
// worker printed if it does not answer.
func (w *worker) ask(ctx context.Context, method, path string, in, out any) error {
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		err := w.once(ctx, method, path, in, out)
		var refused restError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &refused) && refused.status != http.StatusConflict && refused.status < 500:
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		select {
		case <-again.C:
		case <-w.exited:
			return fmt.Errorf("%s %s: %w; %s", method, path, err, w.ended())
		case <-ctx.Done():
			return fmt.Errorf("%s %s: %w; %s", method, path, errors.Join(ctx.Err(), err), w.ended())
		}
	}
}

func (w *worker) once(ctx context.Context, method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, w.url+path, &body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return restError{resp.StatusCode, string(text)}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// connector makes a connector, or gives one another configuration, and waits until it and so many tasks run.
func (w *worker) connector(ctx context.Context, name string, tasks int, config map[string]string) error {
	if err := w.ask(ctx, http.MethodPut, "/connectors/"+name+"/config", config, nil); err != nil {
		return err
	}
	_, err := w.runs(ctx, name, tasks)
	return err
}

// state is how a connector or a task of one is, and on which worker.
type state struct {
	State  string `json:"state"`
	Worker string `json:"worker_id"`
	Trace  string `json:"trace"`
}

// runs waits until a connector and so many tasks of it run, and returns the states of both. Errors: one has failed.
func (w *worker) runs(ctx context.Context, name string, tasks int) ([]state, error) {
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		var status struct {
			Connector state   `json:"connector"`
			Tasks     []state `json:"tasks"`
		}
		err := w.once(ctx, http.MethodGet, "/connectors/"+name+"/status", nil, &status)
		all := append(status.Tasks, status.Connector)
		for _, s := range all {
			if s.State == "FAILED" {
				return all, fmt.Errorf("connector %s: %.3000s", name, s.Trace)
			}
		}
		if err == nil && len(all) == tasks+1 && !slices.ContainsFunc(all, func(s state) bool { return s.State != "RUNNING" }) {
			return all, nil
		}
		select {
		case <-again.C:
		case <-w.exited:
			return all, errors.New(w.ended())
		case <-ctx.Done():
			return all, fmt.Errorf("connector %s is %v: %w; %s", name, all, errors.Join(ctx.Err(), err), w.ended())
		}
	}
}
