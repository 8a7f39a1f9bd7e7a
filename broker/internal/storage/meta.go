package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// Names of the files that identify a directory.
const (
	metaFile      = "meta.properties"
	cleanFile     = ".kafka_cleanshutdown"
	lockFile      = ".lock"
	failedFile    = ".thalweg-failed"
	partitionFile = "partition.metadata"
)

// metaProperties is the identity of a data directory (C-11).
type metaProperties struct {
	clusterID string
	nodeID    kafka.BrokerID
	directory kafka.UUID // zero: not written yet (directories of Kafka before 3.7)
}

// encode writes the properties as Kafka reads them.
func (m metaProperties) encode() []byte {
	return fmt.Appendf(nil, "#\ncluster.id=%s\ndirectory.id=%s\nnode.id=%d\nversion=1\n",
		m.clusterID, m.directory, m.nodeID)
}

// parseMeta reads version 1. Lines are "key=value" or "key:value"; Java's escapes are not needed
// for any value that Kafka writes, so a backslash is refused. Errors: ErrMeta.
func parseMeta(content []byte) (m metaProperties, err error) {
	props := map[string]string{}
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		i := strings.IndexAny(line, "=:")
		if i < 0 || strings.ContainsRune(line, '\\') {
			return m, fmt.Errorf("%w: line %q", ErrMeta, line)
		}
		props[strings.TrimSpace(line[:i])] = strings.TrimSpace(line[i+1:])
	}
	if props["version"] != "1" {
		return m, fmt.Errorf("%w: version %q", ErrMeta, props["version"])
	}
	m.clusterID = props["cluster.id"]
	if m.clusterID == "" {
		return m, fmt.Errorf("%w: no cluster.id", ErrMeta)
	}
	node, err := strconv.ParseInt(props["node.id"], 10, 32)
	if err != nil || node < 0 {
		return m, fmt.Errorf("%w: node.id %q", ErrMeta, props["node.id"])
	}
	m.nodeID = kafka.BrokerID(node)
	if s, ok := props["directory.id"]; ok {
		if m.directory, err = kafka.ParseUUID(s); err != nil || m.directory.Reserved() {
			return m, fmt.Errorf("%w: directory.id %q", ErrMeta, s)
		}
	}
	return m, nil
}

// cleanMarker is the content of the clean-shutdown marker (KIP-966). Kafka writes and reads the
// first two fields and ignores the others, which are missing in its own markers.
type cleanMarker struct {
	Version     int             `json:"version"`
	BrokerEpoch int64           `json:"brokerEpoch"`
	NodeID      *kafka.BrokerID `json:"nodeId,omitempty"`
	DirectoryID string          `json:"directoryId,omitempty"`
}

// of reports whether the marker may speak for the directory: a copied or swapped one may not (S-04).
func (m *cleanMarker) of(meta *metaProperties) bool {
	return m.Version == 0 && (plantedForeignMarker || (m.NodeID == nil || *m.NodeID == meta.nodeID) &&
		(m.DirectoryID == "" || m.DirectoryID == meta.directory.String()))
}

// readMarker reads the marker. ok is false if there is none (there says so), or none that can be understood, or
// another directory's.
func readMarker(v vfs.FS, dir string, meta *metaProperties) (epoch kafka.BrokerEpoch, ok, there bool, err error) {
	content, err := readFile(v, dir+"/"+cleanFile)
	if errors.Is(err, fs.ErrNotExist) {
		return kafka.NoBrokerEpoch, false, false, nil
	}
	if err != nil {
		return kafka.NoBrokerEpoch, false, false, err
	}
	m := cleanMarker{Version: -1, BrokerEpoch: int64(kafka.NoBrokerEpoch)}
	if ok = json.Unmarshal(content, &m) == nil && m.of(meta); !ok {
		m.BrokerEpoch = int64(kafka.NoBrokerEpoch)
	}
	return kafka.BrokerEpoch(m.BrokerEpoch), ok, true, nil
}

// takeMarker reads the marker and deletes it durably, so that a crash from now on is seen (S-04).
func takeMarker(v vfs.FS, dir string, meta *metaProperties) (epoch kafka.BrokerEpoch, ok bool, err error) {
	epoch, ok, there, err := readMarker(v, dir, meta)
	if err != nil || !there || plantedKeepMarker {
		return epoch, ok, err
	}
	if err := v.Remove(dir + "/" + cleanFile); err != nil {
		return kafka.NoBrokerEpoch, false, err
	}
	return epoch, ok, v.SyncDir(dir)
}

// writeMarker is the last thing a clean stop does.
func writeMarker(v vfs.FS, dir string, meta *metaProperties, epoch kafka.BrokerEpoch) error {
	content, err := json.Marshal(cleanMarker{BrokerEpoch: int64(epoch), NodeID: &meta.nodeID, DirectoryID: meta.directory.String()})
	if err != nil {
		return err
	}
	return writeDurably(v, dir+"/"+cleanFile, content)
}

// readFailed reports whether an earlier run has left word that the disk failed.
func readFailed(v vfs.FS, dir string) (bool, error) {
	_, err := v.Stat(dir + "/" + failedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// clearFailed takes the word back, durably, when everything has been recovered.
func clearFailed(v vfs.FS, dir string) error {
	if err := v.Remove(dir + "/" + failedFile); err != nil {
		return err
	}
	return v.SyncDir(dir)
}

// encodePartition writes the identity of a partition directory.
func encodePartition(id kafka.TopicID) []byte {
	return fmt.Appendf(nil, "version: 0\ntopic_id: %s", id)
}

// parsePartition reads it.
func parsePartition(content []byte) (id kafka.TopicID, err error) {
	lines := strings.Split(strings.TrimRight(string(content), "\r\n"), "\n")
	if len(lines) != 2 || strings.TrimSpace(lines[0]) != "version: 0" {
		return id, fmt.Errorf("%w: %s is not of version 0", ErrTopicID, partitionFile)
	}
	text, ok := strings.CutPrefix(strings.TrimSpace(lines[1]), "topic_id: ")
	if !ok {
		return id, fmt.Errorf("%w: %s has no topic_id", ErrTopicID, partitionFile)
	}
	if id, err = kafka.ParseUUID(text); err != nil || id.IsZero() {
		return id, fmt.Errorf("%w: topic_id %q", ErrTopicID, text)
	}
	return id, nil
}
