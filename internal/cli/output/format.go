package output

import (
	"fmt"
	"io"
	"os"
)

// Format is how results are shown.
type Format string

// Formats.
const (
	AsTable Format = "table"
	AsPlain Format = "plain"
	AsJSON  Format = "json"
)

// Formats are all of them, as --output takes them.
var Formats = []string{string(AsTable), string(AsPlain), string(AsJSON)}

// ParseFormat reads what --output says; "" is a table on a terminal and plain elsewhere.
func ParseFormat(text string, w io.Writer) (Format, error) {
	switch f := Format(text); f {
	case AsTable, AsPlain, AsJSON:
		return f, nil
	case "":
		if Terminal(w) {
			return AsTable, nil
		}
		return AsPlain, nil
	}
	return "", fmt.Errorf("--output is %q, it must be table, plain or json", text)
}

// Terminal reports whether a person sits at the other end of a stream.
func Terminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}
