package broker

import (
	"github.com/thalweg-io/thalweg/broker/internal/quota"
	"github.com/thalweg-io/thalweg/internal/metrics"
)

var (
	throttledTimes = metrics.Family{Name: "thalweg_quota_throttled_total", Kind: metrics.KindCounter, Labels: []string{"quota", "user", "client_id", "ip"},
		Help: "How often somebody was throttled, or refused, by a quota. A label is empty where the quota does not tell clients apart by it. The first 100 of each quota to be throttled have series of their own; the others are summed up under (other)."}
	throttledSeconds = metrics.Family{Name: "thalweg_quota_throttle_seconds_total", Kind: metrics.KindCounter, Unit: "seconds", Labels: []string{"quota", "user", "client_id", "ip"},
		Help: "The throttle times that they were told, summed up."}
	quotaAccounts = metrics.Family{Name: "thalweg_quota_accounts", Kind: metrics.KindGauge,
		Help: "Accounts of clients with quotas that are kept in memory."}
)

var quotaMetrics = metricGroup{
	title:    "Quotas",
	families: []*metrics.Family{&throttledTimes, &throttledSeconds, &quotaAccounts},
	collect: func(s *scrape) {
		all := s.b.quotas.Throttled()
		each := func(f *metrics.Family, write func(t *quota.Throttled, labels ...string)) {
			s.w.Begin(f)
			for i := range all {
				write(&all[i], all[i].Kind.String(), all[i].User, all[i].ClientID, all[i].IP)
			}
		}
		each(&throttledTimes, func(t *quota.Throttled, labels ...string) { s.w.Int(t.Times, labels...) })
		each(&throttledSeconds, func(t *quota.Throttled, labels ...string) { s.w.Value(t.Total.Seconds(), labels...) })
		s.one(&quotaAccounts, int64(s.b.quotas.NumAccounts()))
	},
}
