package broker

import (
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/internal/metrics"
)

var (
	connectionCount = metrics.Family{Name: "kafka_server_socket_server_metrics_connection_count", Kind: metrics.KindGauge, Labels: []string{"listener"},
		Help: "Connections that are open."}
	connectionsMade = metrics.Family{Name: "kafka_server_socket_server_metrics_connection_creation_total", Kind: metrics.KindCounter, Labels: []string{"listener"},
		Help: "Connections that were accepted."}
	connectionsEnded = metrics.Family{Name: "kafka_server_socket_server_metrics_connection_close_total", Kind: metrics.KindCounter, Labels: []string{"listener"},
		Help: "Connections that have ended."}
	connectionsRefused = metrics.Family{Name: "thalweg_network_connections_refused_total", Kind: metrics.KindCounter, Labels: []string{"listener"},
		Help: "Connections closed at once because of a limit."}
	closedBy = metrics.Family{Name: "thalweg_network_connections_closed_total", Kind: metrics.KindCounter, Labels: []string{"reason"},
		Help: "Connections that have ended, by reason."}
	bytesRead    = metrics.Family{Name: "thalweg_network_incoming_bytes_total", Kind: metrics.KindCounter, Unit: "bytes", Help: "Bytes read from clients."}
	bytesSent    = metrics.Family{Name: "thalweg_network_outgoing_bytes_total", Kind: metrics.KindCounter, Unit: "bytes", Help: "Bytes written to clients."}
	bytesFile    = metrics.Family{Name: "thalweg_network_sendfile_bytes_total", Kind: metrics.KindCounter, Unit: "bytes", Help: "Of the bytes written, those that went from the page cache by sendfile."}
	readCalls    = metrics.Family{Name: "thalweg_network_read_calls_total", Kind: metrics.KindCounter, Help: "System calls to read from clients."}
	sendCalls    = metrics.Family{Name: "thalweg_network_write_calls_total", Kind: metrics.KindCounter, Help: "System calls to write to clients, sendfile included."}
	partialBytes = metrics.Family{Name: "thalweg_network_partial_bytes", Kind: metrics.KindGauge, Unit: "bytes",
		Help: "Memory of small frames of which a part has arrived."}
	unsentBytes = metrics.Family{Name: "thalweg_network_unsent_bytes", Kind: metrics.KindGauge, Unit: "bytes",
		Help: "Memory of answers that clients do not take."}
	budgetUse = metrics.Family{Name: "thalweg_network_budget_bytes", Kind: metrics.KindGauge, Unit: "bytes",
		Help: "Memory budget of large requests in use (queued.max.request.bytes)."}
)

var connectionMetrics = metricGroup{
	title: "Connections",
	families: []*metrics.Family{&connectionCount, &connectionsMade, &connectionsEnded, &connectionsRefused, &closedBy, &bytesRead,
		&bytesSent, &bytesFile, &readCalls, &sendCalls, &budgetUse, &partialBytes, &unsentBytes},
	collect: collectConnections,
}

func collectConnections(s *scrape) {
	listeners := s.b.network.Listeners()
	each := func(f *metrics.Family, of func(*network.ListenerStats) int64) {
		s.w.Begin(f)
		for i := range listeners {
			s.w.Int(of(&listeners[i]), listeners[i].Name)
		}
	}
	each(&connectionCount, func(l *network.ListenerStats) int64 { return int64(l.Connections) })
	each(&connectionsMade, func(l *network.ListenerStats) int64 { return l.Accepted })
	each(&connectionsEnded, func(l *network.ListenerStats) int64 { return l.Accepted - int64(l.Connections) })
	each(&connectionsRefused, func(l *network.ListenerStats) int64 { return l.Refused })
	n := s.b.network.Stats()
	s.w.Begin(&closedBy)
	for reason, closed := range n.Closed {
		s.w.Int(closed, network.CloseReason(reason).String())
	}
	s.one(&bytesRead, n.BytesIn)
	s.one(&bytesSent, n.BytesOut)
	s.one(&bytesFile, n.SendfileBytes)
	s.one(&readCalls, n.ReadCalls)
	s.one(&sendCalls, n.WriteCalls+n.SendfileCalls)
	s.one(&budgetUse, n.BudgetBytes)
	s.one(&partialBytes, n.PartialBytes)
	s.one(&unsentBytes, n.UnsentBytes)
}

var (
	sessions = metrics.Family{Name: "kafka_server_fetchsessioncache_numincrementalfetchsessions", Kind: metrics.KindGauge,
		Help: "Fetch sessions that are remembered."}
	sessionPartitions = metrics.Family{Name: "kafka_server_fetchsessioncache_numincrementalfetchpartitionscached", Kind: metrics.KindGauge,
		Help: "Partitions in all fetch sessions."}
	sessionEvictions = metrics.Family{Name: "kafka_server_fetchsessioncache_incrementalfetchsessionevictions_total", Kind: metrics.KindCounter,
		Help: "Fetch sessions that had to make room for others."}
	sessionBytes = metrics.Family{Name: "thalweg_fetch_session_bytes", Kind: metrics.KindGauge, Unit: "bytes", Help: "What all fetch sessions count for against their bound."}
)

var fetchSessionMetrics = metricGroup{
	title:    "Fetch sessions",
	families: []*metrics.Family{&sessions, &sessionPartitions, &sessionEvictions, &sessionBytes},
	collect: func(s *scrape) {
		c := s.b.data.FetchSessionStats()
		s.one(&sessions, int64(c.Sessions))
		s.one(&sessionPartitions, int64(c.Partitions))
		s.one(&sessionEvictions, c.Evicted)
		s.one(&sessionBytes, c.Bytes)
	},
}
