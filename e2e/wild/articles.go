package main

import (
	"context"
	"embed"

	"github.com/thalweg-io/thalweg/e2e/recipe"
)

//go:embed java
var javaSources embed.FS

// articlesInJava are what articles show of the Java client.
func articlesInJava() []program {
	return []program{
		java("java-hub", "a central hub for user activity", []step{
			{file: "HubConsumer.java", says: "Consumed record with key userId and value user action data", wait: true}, {file: "HubProducer.java"}}),
		java("java-event-sourcing", "an account as its events, replayed", []step{
			{file: "EventSourcing.java", says: "Current balance: 1000"}}),
		java("java-rides", "ride requests, the service that takes them, and the driver, as three processes", []step{
			{file: "RideDriver.java", says: "Driving to pickupLocation", wait: true},
			{file: "RideService.java", says: "Processing ride request: userId:pickupLocation", wait: true}, {file: "RideRequest.java"}}),
	}
}

func java(name, what string, steps []step) program {
	sources := folder(javaSources, "java")
	return program{name: name, version: "kafka-clients 4.4.0", what: what, needs: []string{"mvn", "javac"},
		recipe: recipe.Recipe{Name: "wild-java", Sources: sources, Build: [][]string{
			{"mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"}}},
		run: func(ctx context.Context, s *scene) error {
			return s.play(ctx, sources, []string{"java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", recipe.JavaPath()}, steps)
		}}
}
