package offline

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// MetaFile is the file that says which cluster and node a data directory belongs to.
const MetaFile = "meta.properties"

// NewID is a random id as Kafka's tools make them: 22 characters that do not begin with a dash.
func NewID() (string, error) {
	for {
		id, err := randomBytes()
		if err != nil {
			return "", err
		}
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // a UUID of version 4
		if text := base64.RawURLEncoding.EncodeToString(id[:]); text[0] != '-' {
			return text, nil
		}
	}
}

func randomBytes() (id [16]byte, err error) {
	_, err = rand.Read(id[:])
	return id, err
}

// ValidID reports whether a text is an id of 16 bytes in base64.
func ValidID(text string) bool {
	b, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && len(b) == 16
}

// WriteMeta makes a data directory and its meta.properties, durably. It refuses a directory that has one.
func WriteMeta(dir, clusterID string, nodeID int32) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	path := filepath.Join(dir, MetaFile)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%s is already there", path))
	}
	id, err := NewID()
	if err != nil {
		return err
	}
	text := fmt.Sprintf("#\n#\ncluster.id=%s\nversion=1\ndirectory.id=%s\nnode.id=%d\n", clusterID, id, nodeID)
	file, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a new name durable, where directories can be synced.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync() // Windows has no such thing
	return d.Close()
}
