package kclient

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Message is what to tell a person about an error of a client: Kafka's own sentence for its error
// codes, the cause alone for a connection.
func Message(err error) string {
	var k *kerr.Error
	var own said
	var lookup *net.DNSError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &own):
		return own.text
	case errors.As(err, &k):
		return k.Description
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused; is the broker running?"
	case errors.As(err, &lookup):
		return "no such host " + lookup.Name
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time"
	}
	return strings.TrimSpace(err.Error())
}

// CodeMessage is the same for an answer's error code and text: the broker's text if it gave one.
// It returns nil for code 0. The error is a *kerr.Error for errors.Is, whose text is the broker's.
func CodeMessage(code int16, text *string) error {
	err := kerr.ErrorForCode(code)
	if err == nil || text == nil || *text == "" {
		return err
	}
	return said{err, *text}
}

type said struct {
	error
	text string
}

func (s said) Error() string { return s.text }
func (s said) Unwrap() error { return s.error }
