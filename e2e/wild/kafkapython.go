package main

import (
	"context"
	"embed"
	"io/fs"

	"github.com/thalweg-io/thalweg/e2e/recipe"
)

//go:embed python
var pythonSources embed.FS

// kafkaPython are the message queue and the timed calls of an API, with a version that articles use and the current one.
func kafkaPython() []program {
	queue := []step{
		{file: "queue_consumer.py", says: "Received: b'Hello Kafka!'", wait: true, joins: "message_queue_readers"}, {file: "queue_producer.py"}}
	together := []step{{file: "queue_consumer.py", says: "Received: b'Hello Kafka!'", wait: true}, {file: "queue_producer.py"}}
	latency := []step{{file: "api_latency.py", says: "100 response times, all positive: True"}}
	return []program{
		python("python-queue-2", "2.0.2", "a message queue: the consumer is there first", queue),
		python("python-queue", "3.0.12", "a message queue: the consumer is there first", queue),
		python("python-together-2", "2.0.2", "the same, both started at the same moment", together),
		python("python-latency-2", "2.0.2", "a hundred timed calls of an API", latency),
		python("python-latency", "3.0.12", "a hundred timed calls of an API", latency),
	}
}

func python(name, version, what string, steps []step) program {
	interpreter := "python3"
	if version == "2.0.2" { // does not start on newer ones
		if old, err := recipe.PythonBefore(context.Background(), 12); err == nil {
			interpreter = old
		} else {
			interpreter = "python3.11" // is missing, and named as such
		}
	}
	sources := folder(pythonSources, "python")
	return program{name: name, version: "kafka-python " + version, what: what, needs: []string{interpreter},
		recipe: recipe.Recipe{Name: "wild-python-" + version, Sources: sources, Build: [][]string{
			{interpreter, "-m", "venv", "venv"},
			{recipe.Venv("python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", "requirements-" + version + ".txt"}}},
		run: func(ctx context.Context, s *scene) error {
			return s.play(ctx, sources, []string{recipe.Venv("python"), "-u"}, steps)
		}}
}

// folder is one of embedded sources.
func folder(of embed.FS, name string) fs.FS {
	sub, err := fs.Sub(of, name)
	if err != nil {
		panic("BUG: " + err.Error()) // an invalid name
	}
	return sub
}
