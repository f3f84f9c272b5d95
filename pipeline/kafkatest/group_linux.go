package kafkatest

import "syscall"

// ownGroup keeps a terminal's Ctrl-C from the broker, which is ended in order instead, and ends it with its parent.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
