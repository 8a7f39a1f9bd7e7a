package broker

import (
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/metrics"
)

func managerGauge(name, help string) *metrics.Family {
	return &metrics.Family{Name: "kafka_server_replicamanager_" + name, Kind: metrics.KindGauge, Help: help}
}

// replicaGauges count the partitions of this broker for which something is true.
var replicaGauges = []struct {
	family *metrics.Family
	is     func(*replica.Stats) bool
}{
	{managerGauge("partitioncount", "Partitions with a replica on this broker."), func(*replica.Stats) bool { return true }},
	{managerGauge("leadercount", "Partitions that this broker leads."), func(p *replica.Stats) bool { return p.Leading }},
	{managerGauge("offlinereplicacount", "Replicas of this broker whose log cannot be used."), func(p *replica.Stats) bool { return p.Offline }},
	{managerGauge("underreplicatedpartitions", "Partitions led with a replica out of sync."), func(p *replica.Stats) bool { return p.Leading && p.InSync < p.Replicas }},
	{managerGauge("underminisrpartitioncount", "Partitions led with fewer replicas in sync than min.insync.replicas."), func(p *replica.Stats) bool { return p.Leading && p.UnderMinISR() }},
	{managerGauge("atminisrpartitioncount", "Partitions led with exactly min.insync.replicas in sync."), func(p *replica.Stats) bool { return p.Leading && p.InSync == p.MinISR }},
}

var replicaMetrics = metricGroup{title: "Replicas", families: replicaFamilies(), collect: func(s *scrape) {
	for _, g := range replicaGauges {
		n := int64(0)
		for i := range s.partitions {
			n += flag(g.is(&s.partitions[i]))
		}
		s.one(g.family, n)
	}
}}

func replicaFamilies() (out []*metrics.Family) {
	for _, g := range replicaGauges {
		out = append(out, g.family)
	}
	return out
}

func controllerGauge(name, help string) *metrics.Family {
	return &metrics.Family{Name: "kafka_controller_kafkacontroller_" + name, Kind: metrics.KindGauge, Help: help}
}

var (
	activeController  = controllerGauge("activecontrollercount", "1 on the node that is the active controller.")
	activeBrokers     = controllerGauge("activebrokercount", "Brokers that are registered and not fenced.")
	fencedBrokers     = controllerGauge("fencedbrokercount", "Brokers that are registered but fenced.")
	globalTopics      = controllerGauge("globaltopiccount", "Topics of the cluster.")
	globalPartitions  = controllerGauge("globalpartitioncount", "Partitions of the cluster.")
	offlinePartitions = controllerGauge("offlinepartitionscount", "Partitions of the cluster without a leader.")
	imbalance         = controllerGauge("preferredreplicaimbalancecount", "Partitions of the cluster that another than their preferred replica leads.")
	raftLeader        = metrics.Family{Name: "kafka_server_raft_metrics_current_leader", Kind: metrics.KindGauge, Help: "Node that leads the metadata quorum, -1 if unknown."}
	raftEpoch         = metrics.Family{Name: "kafka_server_raft_metrics_current_epoch", Kind: metrics.KindGauge, Help: "Term of the metadata quorum."}
	lastApplied       = metrics.Family{Name: "kafka_server_broker_metadata_metrics_last_applied_record_offset", Kind: metrics.KindGauge, Unit: "offset",
		Help: "Last metadata record that this broker has applied."}
	ignoredRecords = metrics.Family{Name: "thalweg_metadata_ignored_records", Kind: metrics.KindGauge, Help: "Metadata records whose type or version this node does not understand."}
)

var controllerMetrics = metricGroup{
	title: "Cluster, as this node sees it",
	families: []*metrics.Family{activeController, activeBrokers, fencedBrokers, globalTopics, globalPartitions, offlinePartitions,
		imbalance, &raftLeader, &raftEpoch, &lastApplied, &ignoredRecords},
	collect: collectController,
}

func collectController(s *scrape) {
	state, image := s.b.runner.State(), s.b.loader.Current()
	s.one(activeController, flag(state.Self))
	active, fenced := int64(0), int64(0)
	image.Brokers(func(r *metadata.Broker) bool {
		fenced += flag(r.Fenced)
		active += flag(!r.Fenced)
		return true
	})
	s.one(activeBrokers, active)
	s.one(fencedBrokers, fenced)
	s.one(globalTopics, int64(image.NumTopics()))
	s.one(globalPartitions, int64(image.NumPartitions()))
	offline, moved := leadership(image)
	s.one(offlinePartitions, offline)
	s.one(imbalance, moved)
	s.one(&raftLeader, int64(state.Leader))
	s.one(&raftEpoch, int64(state.Term))
	s.one(&lastApplied, image.Offset())
	s.one(&ignoredRecords, image.Ignored())
}

// leadership counts the partitions without a leader and those that another than the first replica leads.
func leadership(image *metadata.Image) (offline, moved int64) {
	image.Topics(func(t *metadata.Topic) bool {
		for _, p := range t.Partitions {
			if p == nil {
				continue
			}
			offline += flag(p.Leader == kafka.NoBroker)
			moved += flag(len(p.Replicas) > 0 && p.Leader != p.Replicas[0])
		}
		return true
	})
	return offline, moved
}
