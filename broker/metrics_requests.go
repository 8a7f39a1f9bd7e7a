package broker

import (
	"strconv"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/internal/metrics"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var (
	requestsTotal = metrics.Family{Name: "kafka_network_requestmetrics_requests_total", Kind: metrics.KindCounter, Labels: []string{"request", "version"},
		Help: "Requests by API and version."}
	requestBytes = metrics.Family{Name: "thalweg_network_request_bytes_total", Kind: metrics.KindCounter, Unit: "bytes", Labels: []string{"request"},
		Help: "Frames of requests, without their length prefix."}
	requestTotalTime = metrics.Family{Name: "kafka_network_requestmetrics_totaltimems", Kind: metrics.KindSummary, Unit: "ms", Labels: []string{"request"},
		Help: "Time from the wake-up of the connection to the answer being handed to the socket, with long polls and waiting for replicas; quantiles are of all since the start."}
	requestSeconds = metrics.Family{Name: "thalweg_network_request_seconds", Kind: metrics.KindHistogram, Unit: "seconds", Labels: []string{"request"},
		Help: "The same times as a histogram, for rates and for sums over brokers."}
	requestThrottle = metrics.Family{Name: "kafka_network_requestmetrics_throttletimems", Kind: metrics.KindSummary, Unit: "ms", Labels: []string{"request"},
		Help: "Throttle time of the requests that were throttled."}
)

var requestMetrics = metricGroup{
	title:    "Requests",
	families: []*metrics.Family{&requestsTotal, &requestBytes, &requestTotalTime, &requestSeconds, &requestThrottle},
	collect:  collectRequests,
}

func collectRequests(s *scrape) {
	var apis []network.RequestStats
	for r := range s.b.network.Requests {
		apis = append(apis, *r)
	}
	s.w.Begin(&requestsTotal)
	for i := range apis {
		for version, n := range apis[i].Versions {
			if n > 0 {
				s.w.Int(n, kmsg.NameForKey(apis[i].Key), strconv.Itoa(version))
			}
		}
	}
	each := func(f *metrics.Family, write func(r *network.RequestStats, name string)) {
		s.w.Begin(f)
		for i := range apis {
			write(&apis[i], kmsg.NameForKey(apis[i].Key))
		}
	}
	each(&requestBytes, func(r *network.RequestStats, name string) { s.w.Int(r.Bytes, name) })
	each(&requestTotalTime, func(r *network.RequestStats, name string) { s.w.Summary(&r.Total, 1e-3, name) })
	each(&requestSeconds, func(r *network.RequestStats, name string) { s.w.Histogram(&r.Total, 1e-6, name) })
	each(&requestThrottle, func(r *network.RequestStats, name string) { s.w.Summary(&r.Throttled, 1, name) })
}
