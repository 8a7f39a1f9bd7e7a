package security

// Principal is who speaks on a connection. It is set once, at authentication.
type Principal struct {
	Type string // "User", as Kafka names it
	Name string
}

// Anonymous is the principal of listeners without authentication (SURFACE 125).
var Anonymous = Principal{Type: "User", Name: "ANONYMOUS"}

// String is Kafka's form, "User:alice".
func (p Principal) String() string { return p.Type + ":" + p.Name }
