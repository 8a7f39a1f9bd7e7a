// Package security decides who a client is and what it may do: principals and the authorizer.
//
// Place in the road of the bytes: network puts the principal on a connection, every handler of
// api asks the Authorizer before it acts. It knows nothing of sockets or requests.
//
// Concurrency: Authorizers are called by every connection at once and must not block.
//
// Files: principal.go (Principal), authorizer.go (Operation, Resource, Authorizer, AllowAll).
package security
