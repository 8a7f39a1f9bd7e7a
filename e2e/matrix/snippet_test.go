package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSnippets: both READMEs have the same programs, one for each language that is run.
func TestSnippets(t *testing.T) {
	read := func(name string) []snippet {
		text, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		all, err := snippets(string(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return all
	}
	english, chinese := read("README.md"), read("README.zh-CN.md")
	if !slices.Equal(english, chinese) {
		t.Error("the programs of the two READMEs differ")
	}
	languages := map[string]bool{}
	for _, s := range english {
		languages[s.language] = true
		if !strings.Contains(s.text, "localhost:9092") {
			t.Errorf("the program in %s does not say localhost:9092", s.language)
		}
	}
	for language := range runners {
		if !languages[language] {
			t.Errorf("no program in %s", language)
		}
	}
	if len(english) != len(runners) {
		t.Errorf("%d programs, %d of them run", len(english), len(runners))
	}
}

// TestSays: a program has to print its line.
func TestSays(t *testing.T) {
	if err := says(strings.NewReader("one\nnode hello\n"), "node hello"); err != nil {
		t.Error(err)
	}
	if says(strings.NewReader("node hello?\n"), "node hello") == nil {
		t.Error("another line passed")
	}
}
