package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// database is a server of a program's own, on loopback, with nothing in it. It runs as nobody if this is root, as such
// servers refuse to run as root.
type database struct {
	*process
	dir    string
	port   string
	client []string // runs what follows as SQL, and prints rows with tabs between columns
}

// asNobody are the words before a command that root runs.
var asNobody = []string{"setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"}

// needsDatabase adds what runs a command as somebody else, if that is needed.
func needsDatabase(names ...string) []string {
	if os.Geteuid() == 0 {
		names = append(names, asNobody[0])
	}
	return names
}

func unprivileged(argv []string) []string {
	if os.Geteuid() == 0 {
		return slices.Concat(asNobody, argv)
	}
	return argv
}

// postgresProgram finds a program of PostgreSQL, which Debian keeps out of the way.
func postgresProgram(name string) string {
	found, err := filepath.Glob(filepath.Join("/usr/lib/postgresql/*/bin", name))
	if err != nil || len(found) == 0 {
		return name
	}
	return slices.Max(found)
}

// postgres starts a PostgreSQL that can be replicated from. Whoever starts a database drops it.
func postgres(ctx context.Context) (*database, error) {
	d, err := newDatabase()
	if err != nil {
		return nil, err
	}
	d.client = []string{postgresProgram("psql"), "-h", "127.0.0.1", "-p", d.port, "-U", "postgres", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c"}
	return d, d.start(ctx, "database system is ready to accept connections",
		[]string{postgresProgram("initdb"), "-D", d.data(), "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C"},
		[]string{postgresProgram("postgres"), "-D", d.data(), "-h", "127.0.0.1", "-p", d.port, "-k", "", "-c", "wal_level=logical", "-c", "fsync=off", "-c", "shared_buffers=16MB"})
}

// mariadb starts a MariaDB with a binary log of rows.
func mariadb(ctx context.Context) (*database, error) {
	d, err := newDatabase()
	if err != nil {
		return nil, err
	}
	d.client = []string{"mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", d.port, "-u", "root", "--skip-column-names", "--batch", "-e"}
	return d, d.start(ctx, "ready for connections",
		[]string{"mariadb-install-db", "--no-defaults", "--datadir=" + d.data(), "--auth-root-authentication-method=normal", "--skip-test-db"},
		[]string{"mariadbd", "--no-defaults", "--datadir=" + d.data(), "--bind-address=127.0.0.1", "--port=" + d.port, "--socket=" + filepath.Join(d.dir, "socket"),
			"--server-id=1", "--log-bin=binlog", "--binlog-format=ROW", "--binlog-row-image=FULL", "--innodb-buffer-pool-size=16M"})
}

// newDatabase makes a directory and finds a port that is free now.
func newDatabase() (*database, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err := errors.Join(err, l.Close()); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "thalweg-wild-database-") // not in the scene's, into which nobody cannot look
	if err == nil && os.Geteuid() == 0 {
		err = giveAway(dir)
	}
	return &database{dir: dir, port: port}, err
}

func giveAway(dir string) error {
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(nobody.Uid)
	if err != nil {
		return err
	}
	return os.Chown(dir, uid, -1)
}

func (d *database) data() string { return filepath.Join(d.dir, "data") }

// start fills the directory and waits until the server says that it is ready.
func (d *database) start(ctx context.Context, ready string, initialize, serve []string) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, d.drop())
		}
	}()
	argv := unprivileged(initialize)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = d.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", argv, err, out)
	}
	if d.process, err = launch(ctx, d.dir, nil, unprivileged(serve)...); err != nil {
		return err
	}
	return d.prints(ctx, func(line string) bool { return strings.Contains(line, ready) })
}

// drop ends the server and removes its data.
func (d *database) drop() error {
	if d.process != nil {
		d.kill()
	}
	return os.RemoveAll(d.dir)
}

// sql runs statements, several ones as one transaction if they say so, and returns the rows.
func (d *database) sql(ctx context.Context, text string) (string, error) {
	argv := append(d.client[1:len(d.client):len(d.client)], text)
	var said strings.Builder
	cmd := exec.CommandContext(ctx, d.client[0], argv...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", text, err, said.String())
	}
	return strings.TrimSpace(string(out)), nil
}
