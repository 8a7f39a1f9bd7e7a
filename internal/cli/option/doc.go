// Package option reads command lines in the two styles of Kafka's tools.
//
// Place: below the tools in internal/cli. Pure.
//
// Single is the style of the tools without sub-commands (Java's joptsimple): --name value,
// --name=value, one dash for two, an argument that may be missing, options given several times.
// Sub is the style of those with sub-commands or long lists (Java's argparse4j): short aliases, an
// option that takes several arguments until the next one begins, and positional words.
// In both an abbreviation is taken if only one option begins with it; Kafka's joptsimple tools
// refuse abbreviations, so this only accepts more.
//
// Invariants: every error is one sentence in the words of the Kafka tool; a Set holds only values
// that fit their option's type.
//
// Files: option.go (Option, Parser), parse.go (Parse), set.go (Set), help.go (the help text).
package option
