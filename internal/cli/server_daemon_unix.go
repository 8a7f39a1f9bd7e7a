//go:build unix

package cli

import (
	"os/exec"
	"syscall"
)

// detach gives the process a session of its own: it outlives the terminal and gets no Ctrl-C from it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
