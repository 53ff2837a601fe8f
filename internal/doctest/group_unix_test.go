//go:build unix

package doctest

import (
	"os/exec"
	"syscall"
)

// ownGroup gives a shell a process group of its own, to which belongs what it
// starts: go run does not pass a signal on.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func endGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
