// Package properties reads files in Java's .properties format, as server.properties and the
// configuration files of clients are.
//
// Place: below internal/cli and its tools. Pure but for Read.
//
// Files: properties.go (Read, Parse).
package properties
