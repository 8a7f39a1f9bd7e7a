package option

import (
	"strconv"
	"strings"
)

// Parse reads the words of a command line. Errors are Error, in the words of Kafka's tools.
func (p *Parser) Parse(args []string) (*Set, error) {
	r := &reader{parser: p, options: p.all(), rest: args, set: &Set{values: map[string][]string{}, given: map[string]bool{}}}
	r.set.options = r.options
	for len(r.rest) > 0 {
		word := r.rest[0]
		r.rest = r.rest[1:]
		if err := r.word(word); err != nil {
			return r.set, err
		}
	}
	return r.set, r.set.check()
}

// reader is one run of Parse.
type reader struct {
	parser  *Parser
	options []Option
	rest    []string
	set     *Set
	ended   bool // after --
}

func (r *reader) word(word string) error {
	switch {
	case r.ended, !r.looksLikeOption(word):
		return r.positional(word)
	case word == "--":
		r.ended = true
		return nil
	}
	body, value, inline := strings.Cut(strings.TrimLeft(word, "-"), "=")
	o, err := r.find(body, strings.HasPrefix(word, "--"), word)
	if err != nil {
		return err
	}
	if o.Instead != "" {
		r.set.Deprecated = append(r.set.Deprecated, o)
	}
	return r.argument(o, value, inline)
}

// looksLikeOption: a single dash is an argument, and so is a negative number where no option is one.
func (r *reader) looksLikeOption(word string) bool {
	if len(word) < 2 || word[0] != '-' {
		return false
	}
	_, err := strconv.ParseFloat(word, 64)
	return err != nil
}

func (r *reader) positional(word string) error {
	if r.parser.Positional || r.parser.Style == Single {
		// joptsimple keeps words that belong to no option and Kafka's tools never look at them.
		r.set.Words = append(r.set.Words, word)
		return nil
	}
	return refuse("unrecognized arguments: '%s'", word)
}

// find looks an option up: by its name, by its letter, or by the beginning of only one name.
func (r *reader) find(name string, long bool, word string) (Option, error) {
	var begins []Option
	for _, o := range r.options {
		if o.Name == name || (!long && o.Short == name) {
			return o, nil
		}
		if name != "" && strings.HasPrefix(o.Name, name) {
			begins = append(begins, o)
		}
	}
	if len(begins) == 1 && len(name) > 1 {
		return begins[0], nil
	}
	if r.parser.Style == Sub {
		if len(begins) > 1 && len(name) > 1 {
			return Option{}, refuse("ambiguous option: %s could match %s", word, names(begins))
		}
		return Option{}, refuse("unrecognized arguments: '%s'", word)
	}
	if len(begins) > 1 && len(name) > 1 {
		return Option{}, refuse("%s is not a recognized option: it could be %s", name, names(begins))
	}
	return Option{}, refuse("%s is not a recognized option", name)
}

func names(options []Option) string {
	var all []string
	for _, o := range options {
		all = append(all, "--"+o.Name)
	}
	return strings.Join(all, ", ")
}

// argument takes an option's argument: after the '=', or from the next word.
func (r *reader) argument(o Option, value string, inline bool) error {
	switch {
	case o.Arg == "" && inline && value != "":
		return r.extraArgument(o)
	case o.Arg == "":
		return r.set.add(o, "")
	case inline && value != "":
		return r.set.add(o, value)
	case o.List:
		return r.list(o)
	case len(r.rest) > 0 && r.takes(o, r.rest[0]):
		value, r.rest = r.rest[0], r.rest[1:]
		return r.set.add(o, value)
	case o.Optional:
		return r.set.add(o, "")
	case r.parser.Style == Sub:
		return refuse("argument --%s: expected one argument", o.Name)
	}
	return refuse("Option %s requires an argument", o.Name)
}

func (r *reader) extraArgument(o Option) error {
	if r.parser.Style == Sub {
		return refuse("argument --%s: ignored explicit argument", o.Name)
	}
	return refuse("Option %s does not take an argument", o.Name)
}

// takes reports whether the next word is an option's argument. Where the argument is required,
// joptsimple takes whatever comes.
func (r *reader) takes(o Option, next string) bool {
	if r.parser.Style == Single && !o.Optional {
		return true
	}
	return !r.looksLikeOption(next)
}

func (r *reader) list(o Option) error {
	n := 0
	for n < len(r.rest) && !r.looksLikeOption(r.rest[n]) {
		if err := r.set.add(o, r.rest[n]); err != nil {
			return err
		}
		n++
	}
	if n == 0 {
		return refuse("argument --%s: expected at least one argument", o.Name)
	}
	r.rest = r.rest[n:]
	return nil
}
