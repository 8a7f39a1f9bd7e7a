package controller

import (
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// DefaultFeatures are the levels that a new cluster begins with: the production levels of Kafka 4.4
// (SURFACE §1.5), but for what the level would promise and this controller does not do. That is
// eligible.leader.replicas.version, which stays 0 (the last ISR member stays in the ISR instead),
// and share.version, whose level 2 needs a newer metadata.version. kraft.version is no record.
func DefaultFeatures() []metadata.Feature {
	return []metadata.Feature{
		{Name: metadata.MetadataVersion, Level: 30},
		{Name: "group.version", Level: 1},
		{Name: "share.version", Level: 1},
		{Name: "streams.version", Level: 1},
		{Name: "transaction.version", Level: 2},
	}
}

// bootstrap decides the first records of a cluster; there are none if it has some.
func (c *Controller) bootstrap() (d Decision) {
	if c.image().Feature(metadata.MetadataVersion) != 0 {
		return d
	}
	for _, f := range c.o.Features {
		d.add(0, &schema.FeatureLevelRecord{Name: f.Name, FeatureLevel: f.Level})
	}
	return d
}

// SupportedFeatures are the ranges that a broker of this build names when it registers: what the
// levels of DefaultFeatures promise and below. No level is finalized that a registered broker does
// not support.
func SupportedFeatures() []metadata.FeatureRange {
	return []metadata.FeatureRange{
		{Name: metadata.MetadataVersion, Min: 7, Max: 30},
		{Name: "group.version", Max: 1},
		{Name: "share.version", Max: 1},
		{Name: "streams.version", Max: 1},
		{Name: "transaction.version", Max: 2},
	}
}
