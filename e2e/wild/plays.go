package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/thalweg-io/thalweg/e2e/recipe"
)

var here = filepath.Join("e2e", "wild")

// program is a line of the table.
type program struct {
	name, version, what string
	needs               []string // programs of the system
	recipe              recipe.Recipe
	sources             string
	argv                []string // before the file
	steps               []step
}

func programs() []program {
	queue := []step{{file: "queue_consumer.py", says: "Received: b'Hello Kafka!'", wait: true, joins: "message_queue_readers"}, {file: "queue_producer.py"}}
	latency := []step{{file: "api_latency.py", says: "100 response times, all positive: True"}}
	hub := []step{{file: "HubConsumer.java", says: "Consumed record with key userId and value user action data", wait: true}, {file: "HubProducer.java"}}
	account := []step{{file: "EventSourcing.java", says: "Current balance: 1000"}}
	rides := []step{{file: "RideService.java", says: "Processing ride request: userId:pickupLocation", wait: true}, {file: "RideRequest.java"}}
	return []program{
		python("python-queue-2", "2.0.2", "a message queue: the consumer is there first", queue),
		python("python-queue", "3.0.12", "a message queue: the consumer is there first", queue),
		python("python-latency-2", "2.0.2", "a hundred timed calls of an API", latency),
		python("python-latency", "3.0.12", "a hundred timed calls of an API", latency),
		java("java-hub", "a central hub for user activity", hub),
		java("java-event-sourcing", "an account as its events, replayed", account),
		java("java-rides", "ride requests and the service that takes them", rides),
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
	return program{name: name, version: "kafka-python " + version, what: what, needs: []string{interpreter},
		recipe: recipe.Recipe{Name: "wild-python-" + version, Build: [][]string{
			{interpreter, "-m", "venv", "venv"},
			{recipe.Venv("python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", "requirements-" + version + ".txt"}}},
		sources: "python", argv: []string{recipe.Venv("python"), "-u"}, steps: steps}
}

func java(name, what string, steps []step) program {
	return program{name: name, version: "kafka-clients 4.4.0", what: what, needs: []string{"mvn", "javac"},
		recipe: recipe.Recipe{Name: "wild-java", Build: [][]string{
			{"mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"}}},
		sources: "java", argv: []string{"java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", recipe.JavaPath()}, steps: steps}
}

// run builds what the program needs and plays it.
func (p program) run(ctx context.Context, cache, servers string, say func(string)) error {
	p.recipe.Sources = os.DirFS(filepath.Join(here, p.sources))
	dir, err := p.recipe.Prepare(ctx, cache, say)
	if err != nil {
		return err
	}
	return stage{dir, servers}.play(ctx, filepath.Join(here, p.sources), p.argv, p.steps)
}
