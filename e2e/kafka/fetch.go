package kafka

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

var (
	//go:embed pom.xml
	pom []byte
	//go:embed Shell.java
	shellSource []byte
	//go:embed log4j2.properties
	log4j []byte
)

// ErrNoJava says that there is no Java or no Maven on this machine.
var ErrNoJava = errors.New("java (17 or newer) and mvn are needed to run Apache Kafka")

// Home is an Apache Kafka in the cache directory: jars, the shell's source and a log4j
// configuration. It is immutable and shared by all who fetched the same pom.xml.
type Home struct {
	Dir     string // absolute
	Version string // "4.4.0"

	shell, log4j string // files of ours in Dir
	shipped      bool
	readyWithin  time.Duration
}

// Patient is the same Kafka whose brokers may take so long until they serve: those of thousands of partitions do.
func (h Home) Patient(within time.Duration) Home {
	h.readyWithin = within
	return h
}

// AsShipped is the same Kafka with the JVM options of its own scripts: all compilers, G1, the whole heap at once. It is for
// measuring; the others start quicker and take less of a machine that is shared.
func (h Home) AsShipped() Home {
	h.shipped = true
	return h
}

// Version is the version that pom.xml names.
func Version() string {
	return string(regexp.MustCompile(`<kafka\.version>(.*)</kafka\.version>`).FindSubmatch(pom)[1])
}

// Fetch returns the Kafka of pom.xml, downloading it if the cache has none. Safe for concurrent
// use, also by several processes: whoever comes second throws its download away. Errors:
// ErrNoJava, or what Maven said.
func Fetch(ctx context.Context) (Home, error) {
	for _, program := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(program); err != nil {
			return Home{}, fmt.Errorf("%w: %w", ErrNoJava, err)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return Home{}, err
	}
	base := filepath.Join(cache, "thalweg-e2e")
	h := Home{Dir: filepath.Join(base, "kafka-"+Version()+"-"+fingerprint(pom)), Version: Version()}
	if _, err := os.Stat(h.Dir); err != nil {
		if err := download(ctx, base, h.Dir); err != nil {
			return Home{}, err
		}
	}
	if h.shell, err = h.keep("Shell-*.java", shellSource); err != nil {
		return Home{}, err
	}
	h.log4j, err = h.keep("log4j2-*.properties", log4j)
	return h, err
}

func fingerprint(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

// keep writes a file of ours beside the jars, if it is not there; its name tells its content.
func (h Home) keep(pattern string, text []byte) (string, error) {
	path := filepath.Join(h.Dir, strings.Replace(pattern, "*", fingerprint(text), 1))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	file, err := os.CreateTemp(h.Dir, "writing-")
	if err != nil {
		return "", err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(text)
	if err := errors.Join(err, file.Close()); err != nil {
		return "", err
	}
	return path, os.Rename(file.Name(), path)
}

// download fills a new directory and gives it its name at the end, so that nobody sees half of it.
func download(ctx context.Context, base, dir string) error {
	if err := os.MkdirAll(base, 0o755); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(base, "fetching-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	project := filepath.Join(fresh, "pom.xml")
	if err := os.WriteFile(project, pom, 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "mvn", "-q", "-B", "-f", project,
		"dependency:copy-dependencies", "-DoutputDirectory="+filepath.Join(fresh, "jars"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("get Apache Kafka %s through Maven: %w\n%s", Version(), err, out)
	}
	if err := os.Rename(fresh, dir); err != nil {
		if _, stat := os.Stat(dir); stat != nil {
			return err
		}
	}
	return nil
}

// TB is what Need takes of a testing.TB: package testing has no place in the binary, which measures a Kafka too.
type TB interface {
	Helper()
	Context() context.Context
	Skipf(format string, args ...any)
	Fatal(args ...any)
}

// Need returns the Kafka of pom.xml. Without Java and Maven the test is skipped visibly; where
// CI=true, and whenever the download fails, it fails.
func Need(t TB) Home {
	t.Helper()
	h, err := Fetch(t.Context())
	if errors.Is(err, ErrNoJava) && os.Getenv("CI") != "true" {
		t.Skipf("what Apache Kafka says is not compared: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// java is a JVM with Kafka's class path: main is a class or a source file, heap what -Xmx takes.
func (h Home) java(ctx context.Context, heap, main string, args ...string) *exec.Cmd {
	flags := []string{"-Xmx" + heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"}
	if h.shipped {
		flags = []string{"-Xmx" + heap, "-Xms" + heap, "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
			"-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true"}
	}
	flags = append(flags, "-Duser.timezone=UTC", "-Dlog4j2.configurationFile="+h.log4j,
		"-cp", filepath.Join(h.Dir, "jars", "*"), main)
	return exec.CommandContext(ctx, "java", append(flags, args...)...)
}
