package main

import "slices"

// platforms are systems that take their data from a cluster and put it there.
func platforms() []program { return slices.Concat(connect(), debezium(), jdbc()) }
