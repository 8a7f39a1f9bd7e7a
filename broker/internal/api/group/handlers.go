package group

import "github.com/thalweg-io/thalweg/broker/internal/security"

// Options is what the handlers work with. All fields are needed.
type Options struct {
	Authorizer security.Authorizer
}

// Handlers serves the APIs of this package. Its methods fit api's dispatch table.
type Handlers struct{ Options }

// New returns the handlers.
func New(o Options) *Handlers { return &Handlers{Options: o} }
