//go:build !planted_network_blockingcompleter

package network

const plantedBlockingCompleter = false
