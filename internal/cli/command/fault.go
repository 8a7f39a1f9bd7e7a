package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/thalweg-io/thalweg/internal/cli/profile"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Exit codes. What a person has ended is 130, as shells say it.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitInterrupted = 130
)

// misuse is a mistake in the words of the call.
type misuse struct{ text string }

func (m misuse) Error() string { return m.text }

// Misuse is an error about the words of the call; it exits with ExitUsage.
func Misuse(format string, args ...any) error { return misuse{fmt.Sprintf(format, args...)} }

// errInterrupted ends a command that a person has ended: there is nothing to tell.
var errInterrupted = errors.New("interrupted")

// interrupted is err, or errInterrupted if a person has ended the command.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return errInterrupted
	}
	return err
}

// errTold ends a command with ExitFailed after it has said why.
var errTold = errors.New("already told")

// failure is an error of a cluster: what was to be done, and why it was not.
type failure struct {
	what string
	err  error
}

// failed says what could not be done.
func failed(err error, format string, args ...any) error {
	return failure{fmt.Sprintf(format, args...), err}
}

func (f failure) Error() string { return "cannot " + f.what + ": " + kclient.Message(f.err) }
func (f failure) Unwrap() error { return f.err }

// Tell writes one line about an error, with what to try, and returns the exit code.
func Tell(w io.Writer, err error) int {
	var m misuse
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE): // whoever reads has had enough
		return ExitOK
	case errors.Is(err, errInterrupted):
		return ExitInterrupted
	case errors.Is(err, errTold):
		return ExitFailed
	case errors.As(err, &m):
		fmt.Fprintf(w, "thalweg: %s\n", oneLine(m.text))
		return ExitUsage
	}
	text := oneLine(err.Error())
	if r := remedy(err); r != "" {
		text = strings.TrimSuffix(text, "; is the broker running?")
		text = strings.TrimRight(text, ".") + "; " + r
	}
	fmt.Fprintf(w, "thalweg: %s\n", text)
	return ExitFailed
}

// oneLine keeps a message on its line, whatever a broker put into it.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// remedies are what to try, by the error.
var remedies = []struct {
	err error
	try string
}{
	{kclient.ErrUnreachable, `start one with "thalweg server", or name another with -b HOST:PORT or --profile`},
	{context.DeadlineExceeded, "a longer --timeout waits longer; \"thalweg doctor\" looks for the reason"},
	{profile.ErrUnknown, `"thalweg profile ls" lists those there are`},
	{profile.ErrExists, "--replace overwrites it"},
	{kerr.UnknownTopicOrPartition, `"thalweg topic ls" lists those there are`},
	{kerr.TopicAlreadyExists, "--if-not-exists accepts that"},
	{kerr.InvalidReplicationFactor, "-r 1 asks for one replica"},
	{kerr.InvalidPartitions, "-p takes more partitions than the topic has, never fewer"},
	{kerr.InvalidConfig, `"thalweg config get topic NAME --all" lists the keys`},
	{kerr.TopicAuthorizationFailed, "another user or profile may be allowed to"},
	{kerr.ClusterAuthorizationFailed, "another user or profile may be allowed to"},
	{kerr.GroupAuthorizationFailed, "another user or profile may be allowed to"},
	{kerr.SaslAuthenticationFailed, "look at the user and the password of the profile"},
	{kerr.GroupIDNotFound, `"thalweg group ls" lists those there are`},
	{kerr.NonEmptyGroup, "stop its members first"},
	{kerr.CoordinatorNotAvailable, `"thalweg cluster status" tells which brokers are there`},
	{kerr.CorruptMessage, "compacted topics want records with a key: -k KEY"},
	{kerr.InvalidRecord, "compacted topics want records with a key: -k KEY"},
	{kerr.MessageTooLarge, "max.message.bytes of the topic bounds it"},
	{os.ErrNotExist, "look at the path"},
}

func remedy(err error) string {
	for _, r := range remedies {
		if errors.Is(err, r.err) {
			return r.try
		}
	}
	return ""
}
