package main

import (
	"context"
	"embed"

	"github.com/thalweg-io/thalweg/e2e/recipe"
)

//go:embed springboot
var springBootSources embed.FS

// springBoot is an application with a KafkaTemplate and a listener.
func springBoot() []program {
	sources := folder(springBootSources, "springboot")
	return []program{{
		name: "spring-boot", version: "Spring Boot 3.5.7", what: "an application that sends an event with KafkaTemplate and listens to it",
		needs: []string{"mvn", "javac"},
		recipe: recipe.Recipe{Name: "wild-springboot", Sources: sources, Build: [][]string{
			{"mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"},
			{"javac", "-parameters", "-cp", recipe.JavaPath(), "-d", ".", "ShopApplication.java", "OrderService.java", "OrderEventListener.java"}}},
		run: func(ctx context.Context, s *scene) error {
			settings, err := s.copy(sources, "application.properties")
			if err != nil {
				return err
			}
			p, err := launch(ctx, s.dir, nil, "java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", recipe.JavaPath(),
				"shop.ShopApplication", "--spring.config.location=file:"+settings)
			if err != nil {
				return err
			}
			defer p.end()
			return p.prints(ctx, func(line string) bool { return line == "Received event: OrderCreated: order-1" })
		},
	}}
}
