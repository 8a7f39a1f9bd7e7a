//go:build planted_vfs_nth

package vfs

// plantedNth counts the matches of a rule from 0.
const plantedNth = true
