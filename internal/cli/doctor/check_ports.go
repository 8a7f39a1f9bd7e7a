package doctor

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// dialPatience bounds how long an address may take to answer.
const dialPatience = 3 * time.Second

// Port examines an address that a server is to listen on, and the key that names it.
func Port(ctx context.Context, key, host, address string) Finding {
	check := "port " + address
	ln, err := net.Listen("tcp", address)
	if err == nil {
		ln.Close()
		return ok(check, "is free")
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		return fail(check, key+" names another address", "cannot be opened: %v", cause(err))
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		_, port, splitErr := net.SplitHostPort(address)
		if splitErr == nil {
			address = net.JoinHostPort("localhost", port)
		}
	}
	if speaksKafka(ctx, address) {
		return ok(check, "a broker answers there")
	}
	return fail(check, key+" names another port, or stop what uses this one", "is in use, and not by a broker")
}

// cause is the reason alone.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// speaksKafka asks whoever listens at an address for its API versions.
func speaksKafka(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.RequestRetries(0), kgo.DialTimeout(dialPatience))
	if err != nil {
		return false
	}
	defer cl.Close()
	_, err = kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, cl)
	return err == nil
}
