// Command run gives people and scripts an Apache Kafka from Maven Central:
//
//	go run ./e2e/kafka/run broker [KEY=VALUE]...    a broker until Ctrl-C; prints its address first
//	go run ./e2e/kafka/run TOOL [ARGUMENT]...       one of Kafka's tools, such as kafka-topics
//	go run ./e2e/kafka/run fetch                    download only; prints the directory
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/thalweg-io/thalweg/e2e/kafka"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: run fetch | broker [KEY=VALUE]... | TOOL [ARGUMENT]...\ntools: %v", kafka.Tools())
	}
	home, err := kafka.Fetch(ctx)
	if err != nil {
		return err
	}
	switch args[0] {
	case "fetch":
		fmt.Println(home.Dir)
		return nil
	case "broker":
		return broker(ctx, home, args[1:])
	}
	cmd, err := home.Tool(ctx, args[0], args[1:]...)
	if err != nil {
		return err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

// broker runs one with its data in a directory that is removed at the end.
func broker(ctx context.Context, home kafka.Home, settings []string) error {
	properties := map[string]string{}
	for _, s := range settings {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return fmt.Errorf("%q is not KEY=VALUE", s)
		}
		properties[key] = value
	}
	dir, err := os.MkdirTemp("", "kafka-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := home.Start(ctx, dir, properties)
	if err != nil {
		return err
	}
	fmt.Println(b.Addr)
	select {
	case <-ctx.Done():
		return b.Stop()
	case <-b.Exited():
		return fmt.Errorf("the broker ended by itself:\n%s", b.Output())
	}
}
