package main

import (
	"slices"
	"time"
)

// heavyWithin bounds a program of several processes of Java, far above what it takes on a slow machine.
const heavyWithin = 10 * time.Minute

// platforms are systems that take their data from a cluster and put it there.
func platforms() []program { return slices.Concat(connect(), debezium(), jdbc(), shortages()) }
