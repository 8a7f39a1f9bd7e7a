package broker

import (
	"runtime/debug"

	"github.com/thalweg-io/thalweg/internal/metrics"
)

var (
	buildInfo = metrics.Family{Name: "thalweg_build_info", Kind: metrics.KindGauge, Labels: []string{"version", "node_id"},
		Help: "Always 1; the labels name the version and the node."}
	brokerStateNumber = metrics.Family{Name: "kafka_server_kafkaserver_brokerstate", Kind: metrics.KindGauge,
		Help: "0 not running, 1 starting, 3 running, 7 shutting down."}
	brokerFailed = metrics.Family{Name: "thalweg_broker_failed", Kind: metrics.KindGauge,
		Help: "1 if the broker has failed in a way that it cannot go on with and waits to be ended."}
)

var nodeMetrics = metricGroup{
	title:    "Node",
	families: []*metrics.Family{&buildInfo, &brokerStateNumber, &brokerFailed},
	collect: func(s *scrape) {
		s.w.Begin(&buildInfo)
		s.w.Int(1, buildVersion(), itoa(s.b.cfg.NodeID))
		s.one(&brokerStateNumber, s.b.state.number())
		s.one(&brokerFailed, flag(s.b.state.healthy() != nil))
	},
}

func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
