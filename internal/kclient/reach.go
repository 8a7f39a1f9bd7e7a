package kclient

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Patience is how long Reach tries: long enough for a broker that is just starting, short enough
// for somebody who mistyped a port.
const Patience = 5 * time.Second

// pause is between two attempts to reach a cluster.
const pause = 100 * time.Millisecond

// ErrUnreachable: no bootstrap server could be talked to.
var ErrUnreachable = errors.New("cannot reach the cluster")

// Reach makes a client and talks to the cluster once, so that a wrong address is told at once and
// in one sentence. The caller closes the client. Errors: ErrConfig, ErrUnreachable (with the servers
// and the reason), or ctx's.
func Reach(ctx context.Context, role Role, props map[string]string, more ...kgo.Opt) (*kgo.Client, []string, error) {
	opts, unused, err := Options(role, props)
	if err != nil {
		return nil, nil, err
	}
	cl, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		return nil, nil, badConfig("%v", err)
	}
	if err := knock(ctx, cl); err != nil {
		cl.Close()
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		return nil, nil, fmt.Errorf("%w at %s: %s", ErrUnreachable, props["bootstrap.servers"], Message(err))
	}
	return cl, unused, nil
}

// knock pings until it is answered or Patience is over.
func knock(ctx context.Context, cl *kgo.Client) (last error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for {
		err := cl.Ping(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		if authentication(err) {
			return last
		}
		select {
		case <-ctx.Done():
			return last
		case <-time.After(pause):
		}
	}
}

// authentication tells errors that another attempt will not cure.
func authentication(err error) bool {
	return strings.Contains(Message(err), "SASL") || strings.Contains(err.Error(), "x509") || strings.Contains(err.Error(), "tls:")
}
