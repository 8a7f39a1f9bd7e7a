package foreign

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/thalweg-io/thalweg/e2e/recipe"
)

//go:embed java/pom.xml java/Writer.java python/requirements.txt python/writer.py
var sources embed.FS

// Program is a writer that can be run.
type Program struct {
	Name string   // of the client library
	argv []string // before the arguments of a Spec; empty: franz-go, in this process
}

// outside has the programs that are no Go and how each is run, relative to the directory in which it was built.
// What they need: a JDK and Maven, Python 3.
func outside() []program {
	return []program{
		{"kafka-clients", "java", [][]string{
			{"mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"},
			{"javac", "-cp", filepath.Join("lib", "*"), "Writer.java"},
		}, []string{"java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", recipe.JavaPath(), "Writer"}},
		{"librdkafka", "python", [][]string{
			{"python3", "-m", "venv", "venv"},
			{recipe.Venv("python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", "requirements.txt"},
		}, []string{recipe.Venv("python"), "-u", "writer.py"}},
	}
}

type program struct {
	name, sources string
	build         [][]string
	run           []string // of a Program
}

// Prepare returns all programs, franz-go first. Those that are not yet in the directory are built
// there, which fetches packages and is told to say; it takes a minute at most. Errors: what is
// missing, or what a build printed.
func Prepare(ctx context.Context, dir string, say func(string)) ([]Program, error) {
	programs := []Program{{Name: "franz-go"}}
	for _, p := range outside() {
		from, err := fs.Sub(sources, p.sources)
		if err != nil {
			return nil, err
		}
		r := recipe.Recipe{Name: "writer-" + p.name, Sources: from, Build: p.build}
		built, err := r.Prepare(ctx, dir, say)
		if err != nil {
			return nil, fmt.Errorf("build the writer with %s: %w", p.name, err)
		}
		programs = append(programs, Program{p.name, append([]string{built}, p.run...)})
	}
	return programs, nil
}
