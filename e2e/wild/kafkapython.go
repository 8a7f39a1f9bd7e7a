package main

import (
	"context"
	"embed"
	"io/fs"
	"time"

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
		queueWithoutGroup("python-queue-latest-2", "2.0.2"),
		queueWithoutGroup("python-queue-latest", "3.0.12"),
		python("python-queue-2", "2.0.2", "a message queue: the consumer is there first", queue),
		python("python-queue", "3.0.12", "a message queue: the consumer is there first", queue),
		python("python-together-2", "2.0.2", "the same, both started at the same moment", together),
		python("python-latency-2", "2.0.2", "a hundred timed calls of an API", latency),
		python("python-latency", "3.0.12", "a hundred timed calls of an API", latency),
	}
}

// queueWithoutGroup has the consumer in no group, at the end of the topic: nobody else can see when it is there, so the
// producer runs until it has got something.
func queueWithoutGroup(name, version string) program {
	p := python(name, version, "a message queue whose consumer has no group and reads what comes after it", nil)
	sources := folder(pythonSources, "python")
	p.run = func(ctx context.Context, s *scene) error {
		argv := []string{recipe.Venv("python"), "-u"}
		listener, err := s.script(ctx, sources, argv, "queue_listener.py")
		if err != nil {
			return err
		}
		defer listener.end()
		got := make(chan error, 1)
		go func() {
			got <- listener.prints(ctx, func(line string) bool { return line == "Received: b'Hello Kafka!'" })
		}()
		for {
			if err := s.play(ctx, sources, argv, []step{{file: "queue_producer.py"}}); err != nil {
				return err
			}
			select {
			case err := <-got:
				return err
			case <-time.After(time.Second):
			}
		}
	}
	return p
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
