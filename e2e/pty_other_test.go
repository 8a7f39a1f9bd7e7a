//go:build !linux

package e2e

import (
	"os"
	"testing"
)

func terminal(t *testing.T) (read, write *os.File) {
	t.Helper()
	t.Skip("pseudo-terminals are opened as Linux does it")
	return nil, nil
}
