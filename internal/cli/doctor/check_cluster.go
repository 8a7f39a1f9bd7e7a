package doctor

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Cluster examines a cluster through the addresses that clients begin with.
func Cluster(ctx context.Context, cl *kgo.Client, bootstrap string) []Finding {
	const check = "cluster"
	begun := time.Now()
	m, err := kadm.NewClient(cl).Metadata(ctx)
	if err != nil {
		return []Finding{fail(check, "look at the log of the brokers", "%s answers, but not about its topics: %s", bootstrap, kclient.Message(err))}
	}
	list := []Finding{ok(check, "%s answers in %s: %s with %d brokers", bootstrap, fine(time.Since(begun)), m.Cluster, len(m.Brokers))}
	for _, b := range m.Brokers {
		list = append(list, advertised(ctx, cl, b, bootstrap))
	}
	return append(list, partitions(m))
}

// advertised examines the address that a broker tells its clients.
func advertised(ctx context.Context, cl *kgo.Client, b kadm.BrokerDetail, bootstrap string) Finding {
	address := net.JoinHostPort(b.Host, fmt.Sprint(b.Port))
	check := fmt.Sprintf("advertised address of broker %d", b.NodeID)
	const remedy = "advertised.listeners of the broker names an address that clients can reach"
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	begun := time.Now()
	if _, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, cl.Broker(int(b.NodeID))); err != nil {
		return fail(check, remedy, "%s cannot be reached from here: %s", address, strings.TrimSuffix(kclient.Message(err), "; is the broker running?"))
	}
	if loopback(b.Host) && !anyLoopback(bootstrap) {
		return warn(check, remedy, "%s is this machine, whoever asks", address)
	}
	return ok(check, "%s answers in %s", address, fine(time.Since(begun)))
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func anyLoopback(bootstrap string) bool {
	for _, s := range strings.Split(bootstrap, ",") {
		if host, _, err := net.SplitHostPort(s); err == nil && loopback(host) {
			return true
		}
	}
	return false
}

// partitions counts those in trouble.
func partitions(m kadm.Metadata) Finding {
	const check = "partitions"
	all, offline, under := 0, 0, 0
	for _, t := range m.Topics {
		for _, p := range t.Partitions {
			all++
			switch {
			case p.Leader < 0:
				offline++
			case len(p.ISR) < len(p.Replicas):
				under++
			}
		}
	}
	switch {
	case offline > 0:
		return fail(check, "start the brokers that hold their replicas; \"thalweg cluster status\" names them", "%d of %d have no leader", offline, all)
	case under > 0:
		return warn(check, "look for a broker that is down or slow; \"thalweg cluster status\" names them", "%d of %d lack a replica in sync", under, all)
	}
	return ok(check, "%d, all with a leader and their replicas in sync", all)
}
