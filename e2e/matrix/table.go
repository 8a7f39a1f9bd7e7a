package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/thalweg-io/thalweg/e2e/recipe"
)

// here is the folder of this package, seen from the top of the repository.
var here = filepath.Join("e2e", "matrix")

// client is a row of the matrix.
type client struct {
	name     string // in topics and flags
	title    string // on the page, with the language
	language string
	needs    []string // programs of the system; apt-get has them under these names or others
	build    func(context.Context, *workshop) (launch, error)
	groups   []string          // the assignors that its members can be started with; "consumer" is KIP-848
	system   bool              // its version is the system's, so the page's is only an example
	notes    map[string]string // why a cell is not full, by column
}

func clients() []client {
	return []client{
		{name: "kcat", title: "kcat", language: "C", needs: []string{"kcat"}, system: true, notes: kcatNotes},
		{name: "kafka-clients", title: "kafka-clients", language: "Java", needs: java, build: javaClient("4.4.0"), groups: assignors},
		{name: "kafka-clients-3", title: "kafka-clients", language: "Java", needs: java, build: javaClient("3.9.2"), groups: classic},
		{name: "spring-kafka", title: "Spring for Apache Kafka", language: "Java", needs: java, build: spring},
		{name: "confluent-python", title: "confluent-kafka-python", language: "Python", needs: python, build: pythonClient("confluent-kafka", "confluent.py"), groups: []string{"range", "roundrobin", "cooperative-sticky", "consumer"}},
		{name: "kafka-python", title: "kafka-python", language: "Python", needs: python, build: pythonClient("kafka-python-3.0.12", "kafka_python.py"), groups: classic, notes: pythonNotes},
		{name: "kafka-python-2", title: "kafka-python", language: "Python", needs: python, build: pythonClient("kafka-python-2.0.2", "kafka_python.py"), groups: eager, notes: python2Notes},
		{name: "kafkajs", title: "kafkajs", language: "JavaScript", needs: node, build: jsClient("kafkajs.js"), groups: []string{"roundrobin"}, notes: kafkaJSNotes},
		{name: "platformatic", title: "@platformatic/kafka", language: "JavaScript", needs: node, build: jsClient("platformatic.js"), groups: []string{"roundrobin", "consumer"}},
		{name: "franz-go", title: "franz-go", language: "Go", build: goClient("franz", "0"), groups: assignors},
		{name: "sarama", title: "Sarama", language: "Go", build: goClient("sarama", "0"), groups: eager},
		{name: "kafka-go", title: "segmentio/kafka-go", language: "Go", build: goClient("segmentio", "0"), groups: []string{"range", "roundrobin"}, notes: map[string]string{"empty": "it reads an empty value as null"}},
		{name: "confluent-go", title: "confluent-kafka-go", language: "Go", needs: []string{"gcc"}, build: goClient("confluent", "1"), groups: []string{"range", "roundrobin", "cooperative-sticky", "consumer"}},
	}
}

// Assignors, as Kafka names them, and the protocol in which the broker assigns.
var (
	assignors = []string{"range", "roundrobin", "sticky", "cooperative-sticky", "consumer"}
	classic   = assignors[:4]
	eager     = assignors[:3]
)

var (
	java   = []string{"javac", "mvn"}
	python = []string{"python3"}
	node   = []string{"npm"}
)

// Notes on cells that are not full.
var (
	kcatNotes = map[string]string{
		"create":      "it has no command for it; a topic comes into being when something is written to it",
		"binary":      "keys are arguments, which hold no zero bytes",
		"timestamp":   "it sets none",
		"null header": "it prints the word NULL",
	}
	pythonNotes  = map[string]string{"null header": "it takes no null as a header's value"}
	python2Notes = map[string]string{
		"null header":         "it takes no null as a header's value",
		groupColumn("sticky"): "when a member is gone the others end with an error in its assignor, with Apache Kafka 4.4 as well",
	}
	kafkaJSNotes = map[string]string{
		"same header": "its headers are an object, in which what has one name stands together",
		"null header": "it takes no null as a header's value",
	}
)

// missing names what a client needs and this machine lacks.
func (c client) missing() error {
	for _, program := range c.needs {
		if _, err := exec.LookPath(program); err != nil {
			return err
		}
	}
	return nil
}

// workshop builds programs; what several clients share it builds once. Safe for concurrent use.
type workshop struct {
	cache string
	say   func(string)
	mu    sync.Mutex
	built map[string]func() (string, error)
}

// prepare builds a recipe with the sources of a folder of this package.
func (w *workshop) prepare(ctx context.Context, folder string, r recipe.Recipe) (string, error) {
	r.Sources = os.DirFS(filepath.Join(here, folder))
	w.mu.Lock()
	once, ok := w.built[r.Name]
	if !ok {
		once = sync.OnceValues(func() (string, error) { return r.Prepare(ctx, w.cache, w.say) })
		w.built[r.Name] = once
	}
	w.mu.Unlock()
	return once()
}

var jvm = []string{"java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", recipe.JavaPath()}

func javaClient(version string) func(context.Context, *workshop) (launch, error) {
	return func(ctx context.Context, w *workshop) (launch, error) {
		return javaProgram(ctx, w, "matrix-kafka-clients-"+version, "Client", "pom.xml", "-Dkafka.version="+version)
	}
}

func spring(ctx context.Context, w *workshop) (launch, error) {
	return javaProgram(ctx, w, "matrix-spring", "Spring", "spring.xml")
}

func javaProgram(ctx context.Context, w *workshop, name, main, pom string, flags ...string) (launch, error) {
	mvn := append([]string{"mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", "-DoutputDirectory=lib"}, flags...)
	dir, err := w.prepare(ctx, "java", recipe.Recipe{Name: name, Build: [][]string{
		mvn, {"javac", "-cp", filepath.Join("lib", "*"), "Line.java", main + ".java"}}})
	return launch{dir, append(jvm[:len(jvm):len(jvm)], main)}, err
}

// pythonClient installs a list of requirements into an environment of its own.
func pythonClient(requirements, script string) func(context.Context, *workshop) (launch, error) {
	return func(ctx context.Context, w *workshop) (launch, error) {
		interpreter := "python3"
		if requirements == "kafka-python-2.0.2" { // does not start on newer ones
			var err error
			if interpreter, err = recipe.PythonBefore(ctx, 12); err != nil {
				return launch{}, err
			}
		}
		dir, err := w.prepare(ctx, "python", recipe.Recipe{Name: "matrix-" + requirements, Build: [][]string{
			{interpreter, "-m", "venv", "venv"},
			{recipe.Venv("python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", "requirements-" + requirements + ".txt"}}})
		return launch{dir, []string{recipe.Venv("python"), "-u", script}}, err
	}
}

// jsClient runs with the Node.js that package.json names.
func jsClient(script string) func(context.Context, *workshop) (launch, error) {
	return func(ctx context.Context, w *workshop) (launch, error) {
		dir, err := w.prepare(ctx, "js", recipe.Recipe{Name: "matrix-js", Build: [][]string{
			{"npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"}}})
		return launch{dir, []string{filepath.Join(".", "node_modules", ".bin", "node"), script}}, err
	}
}

// goClient builds one program of the module in go/.
func goClient(name, cgo string) func(context.Context, *workshop) (launch, error) {
	return func(ctx context.Context, w *workshop) (launch, error) {
		bin := filepath.Join(w.cache, "matrix-go", name)
		cmd := exec.CommandContext(ctx, "go", "build", "-o", bin, "./"+name)
		cmd.Dir = filepath.Join(here, "go")
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
		if out, err := cmd.CombinedOutput(); err != nil {
			return launch{}, fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
		return launch{"", []string{bin}}, nil
	}
}

// skippable says whether a client may be left out for this.
func skippable(err error) bool {
	return errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") != "true"
}
