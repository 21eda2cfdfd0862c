//go:build !linux

package contract_test

import "syscall"

func attributes() *syscall.SysProcAttr { return nil }
