// Wild runs programs in the style of published articles, unchanged but for the address of the
// broker, against the real binary, and checks what comes of them.
//
//	go run ./e2e/wild             run all and print a table
//	go run ./e2e/wild -only java  those whose name matches a regular expression
//
// Run it at the top of the repository. It ends with 1 if a program failed. What wants tools that are
// missing on this machine is skipped, unless CI=true. The libraries come from PyPI and Maven Central
// and are kept in the user's cache directory.
//
// Files: main.go (the table), play.go (a program: its processes and what they must print), plays.go (the
// programs), python/ and java/ (their sources, which say localhost:9092 as articles do).
package main
