//go:build ignore

// A broker of franz-go's kfake in a process of its own, for the rig: it prints where it listens and ends with its input.
// It is built in a module of its own.
package main

import (
	"fmt"
	"os"
	"os/signal"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("listening on PLAINTEXT://%s\n", cluster.ListenAddrs()[0])
	end := make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt)
	<-end
	cluster.Close()
}
