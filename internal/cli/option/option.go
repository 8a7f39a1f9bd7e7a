package option

import "fmt"

// Type is what an argument must be.
type Type int

// Types, named as the Java classes that Kafka's options have.
const (
	Text  Type = iota
	Int        // 32 bits
	Long       // 64 bits
	Float      // Double
)

// Option is one option of a tool.
type Option struct {
	// Name without dashes; Short is a letter for it, if it has one.
	Name, Short string
	// Arg describes the argument in the help text. Empty: the option has none.
	Arg string
	// Optional: the argument may be missing, and is "" then.
	Optional bool
	// Repeated: it may be given several times. Otherwise a second time is refused.
	Repeated bool
	// List: it takes arguments until the next option begins (Sub only); at least one.
	List bool
	// Type of the argument.
	Type Type
	// Default is the argument's value if the option is not given; "" for none.
	Default string
	// Instead is the newer name of a deprecated option: using it warns.
	Instead string
	// Help is one or two sentences.
	Help string
}

// Style is how a tool reads its words.
type Style int

// Styles, see the package's comment.
const (
	Single Style = iota
	Sub
)

// Parser is what a tool accepts. The options help and version are part of every tool.
type Parser struct {
	Style   Style
	Options []Option
	// Positional: words that are no options are kept, otherwise refused.
	Positional bool
	// Commands are the words of which a Positional tool takes one first, as its help lists them.
	Commands []string
}

// Standard are the options that every tool has.
var Standard = []Option{
	{Name: "help", Short: "h", Help: "Print this text."},
	{Name: "version", Help: "Print the version of Kafka whose tools these are like."},
}

func (p *Parser) all() []Option { return append(append([]Option{}, p.Options...), Standard...) }

// Error is a command line that does not fit its tool.
type Error struct {
	Text string
	// Value: the words were options and arguments, but an argument is not what it must be. Kafka's
	// tools find that out later, when they use it.
	Value bool
}

func (e Error) Error() string { return e.Text }

func refuse(format string, args ...any) error { return Error{Text: fmt.Sprintf(format, args...)} }
