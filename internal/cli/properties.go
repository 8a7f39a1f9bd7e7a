package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// maxProperties bounds a properties file in bytes.
const maxProperties = 1 << 20

// readProperties reads a file like server.properties. A later line wins over an earlier one.
func readProperties(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxProperties+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxProperties {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxProperties)
	}
	return parseProperties(string(text)), nil
}

// parseProperties understands what server.properties files use of Java's format: comments with # or !,
// '=' or ':' or white space after the key, and lines continued by a backslash.
func parseProperties(text string) map[string]string {
	props := map[string]string{}
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimLeft(lines[i], " \t\f")
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		for continued(line) {
			line = line[:len(line)-1]
			if i++; i == len(lines) {
				break
			}
			line += strings.TrimLeft(lines[i], " \t\f")
		}
		key, value := cutProperty(line)
		props[key] = value
	}
	return props
}

// continued reports whether a line ends in an odd number of backslashes.
func continued(line string) bool {
	n := len(line) - len(strings.TrimRight(line, `\`))
	return n%2 == 1
}

// cutProperty splits at the first separator: white space, with at most one '=' or ':' in it.
func cutProperty(line string) (key, value string) {
	i := strings.IndexAny(line, "=: \t\f")
	if i < 0 {
		return line, ""
	}
	rest := strings.TrimLeft(line[i:], " \t\f")
	if rest != "" && (rest[0] == '=' || rest[0] == ':') {
		rest = strings.TrimLeft(rest[1:], " \t\f")
	}
	return line[:i], strings.TrimRight(rest, " \t\f")
}
