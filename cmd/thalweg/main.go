// Command thalweg is the event-streaming platform in one binary; "thalweg help" lists what it does.
package main

import (
	"os"

	"github.com/thalweg-io/thalweg/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
