// Wild runs programs of other people's stacks, in the style of published articles and unchanged but for the address
// of the broker, against the real binary, and checks what comes of them.
//
//	go run ./e2e/wild             run the light ones and print a table
//	go run ./e2e/wild -stage all  also the heavy ones (go run ./e2e/campaign wild: the heavy ones, with a page)
//	go run ./e2e/wild -only java  those whose name matches a regular expression
//	go run ./e2e/wild -kafka      with an Apache Kafka in place of Thalweg
//
// Run it at the top of the repository, or e2e/wild/run anywhere. It ends with 1 if a program failed. What wants
// tools that are missing on this machine is skipped, unless CI=true. The libraries come from PyPI and Maven Central
// and are kept in the user's cache directory. README.md says what each program needed.
//
// The frame: main.go (flags, table), table.go (a program, and all of them), scene.go (where one runs, and what is
// read from its broker), process.go (a process), play.go (scripts that must print a line).
//
// The programs, each with its sources in folders beside it: kafkapython.go, articles.go (Java), springboot.go, streams.go, browser.go
// (Chromium), logagents.go, platforms.go (other systems).
//
// Those: connect.go (a worker of Kafka Connect), connectfiles.go, debezium.go, jdbc.go, database.go (PostgreSQL and
// MariaDB), shortage.go (Flink, Spark).
package main
