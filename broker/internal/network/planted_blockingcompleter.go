//go:build planted_network_blockingcompleter

package network

// plantedBlockingCompleter: a completer waits for the socket.
const plantedBlockingCompleter = true
