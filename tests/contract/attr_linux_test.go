package contract_test

import "syscall"

// attributes let a process die with the test binary, even if that is killed.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
