package cli

// ownedByUs: there is no /proc whose entries could be ours.
func ownedByUs(string) bool { return false }
