package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// daemonVariable tells a process that it is the server in the background; its value is the
// directory of its log.
const daemonVariable = "THALWEG_DAEMON_LOG_DIR"

// daemonTimeout bounds how long the foreground waits for the background to be ready.
const daemonTimeout = 2 * time.Minute

// greeted is how the last line of a greeting begins: the server is ready then.
const greeted = "try: "

// runDaemon starts the same command line in the background and waits until it is ready, or has
// failed: unlike Kafka's script, which says nothing and leaves the failure to be found in the log.
// What the server prints is in kafkaServer.out, its log in server.log.
func runDaemon(args []string, s Streams) error {
	dir, err := filepath.Abs(logDirectory())
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return fmt.Errorf("cannot make the directory of the log: %w", err)
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "kafkaServer.out")
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	rest := slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "-daemon" || a == "--daemon" })
	cmd := exec.Command(exe, append([]string{"server"}, rest...)...)
	cmd.Env = append(os.Environ(), daemonVariable+"="+dir)
	cmd.Stdout, cmd.Stderr = out, out
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	return awaitDaemon(cmd.Process.Pid, path, exited, s.Out)
}

// awaitDaemon watches what the server prints until its greeting is complete or the process is gone.
func awaitDaemon(pid int, path string, exited <-chan error, w io.Writer) error {
	deadline := time.After(daemonTimeout)
	for {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if i := bytes.Index(text, []byte("\n"+greeted)); i >= 0 {
			_, err := fmt.Fprintf(w, "%s\nprocess %d; log in %s\n", text[:i], pid, filepath.Dir(path))
			return err
		}
		select {
		case <-exited:
			text, _ := os.ReadFile(path)
			return fmt.Errorf("the server did not start: %s", lastLine(text))
		case <-deadline:
			return fmt.Errorf("the server is not ready after %s; see %s", daemonTimeout, path)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	last := strings.TrimPrefix(lines[len(lines)-1], "thalweg: ")
	if last == "" {
		return "it printed nothing"
	}
	return last
}

// daemonLog is the log of a server in the background; nil in the foreground.
func daemonLog() (*rotatingFile, error) {
	dir := os.Getenv(daemonVariable)
	if dir == "" {
		return nil, nil
	}
	lg, err := openServerLog(dir)
	if err != nil {
		return nil, errors.Join(errors.New("cannot open the server's log"), err)
	}
	return lg, nil
}
