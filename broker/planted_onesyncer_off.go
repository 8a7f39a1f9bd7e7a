//go:build !planted_broker_onesyncer

package broker

import "github.com/thalweg-io/thalweg/broker/internal/storage"

const plantedOneSyncer = false

func syncTogether([]*storage.Dir, <-chan struct{}) {}
