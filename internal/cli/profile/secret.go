package profile

import "strings"

// Hidden is shown instead of a secret.
const Hidden = "[hidden]"

// secretWords are parts of the names of keys whose values nobody else may see.
var secretWords = []string{"password", "jaas", "secret", "token", "ssl.keystore.key", "private"}

// Secret reports whether the value of a key is one.
func Secret(key string) bool {
	key = strings.ToLower(key)
	for _, w := range secretWords {
		if strings.Contains(key, w) {
			return true
		}
	}
	return false
}

// Shown is a value as it may be shown.
func Shown(key, value string) string {
	if Secret(key) && value != "" {
		return Hidden
	}
	return value
}
