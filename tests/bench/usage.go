package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// usage is what the processes have used so far, by name.
type usage struct {
	cpu map[string]time.Duration
	rss map[string]int64 // now, in bytes
}

// tick is the unit of /proc/PID/stat, which Linux fixes at a hundredth of a second for programs.
const tick = 10 * time.Millisecond

var processes = []string{"serve", "worker", "postgres", "temporal", "bench"}

func (s *stack) usage() usage {
	u := usage{cpu: map[string]time.Duration{}, rss: map[string]int64{}}
	for name, pid := range map[string]int{
		"serve": s.serve.Process.Pid, "worker": s.worker.Process.Pid, "temporal": s.temporal.PID, "bench": os.Getpid(),
	} {
		u.add(name, pid, false)
	}
	// The time of a server process that has ended counts with the postmaster.
	u.add("postgres", s.postgres.PID(), true)
	for _, pid := range childrenOf(s.postgres.PID()) {
		u.add("postgres", pid, false)
	}
	return u
}

func (u *usage) add(name string, pid int, withEnded bool) {
	fields := stat(pid)
	if len(fields) < 16 {
		return
	}
	times := fields[11:13]
	if withEnded {
		times = fields[11:15]
	}
	for _, field := range times {
		n, _ := strconv.ParseInt(field, 10, 64)
		u.cpu[name] += time.Duration(n) * tick
	}
	u.rss[name] += memory(pid)
}

// stat gives the fields of /proc/PID/stat after the command's name, which may contain anything.
func stat(pid int) []string {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
}

// memory is the process's share of what is resident: PostgreSQL's processes share most of theirs.
func memory(pid int) int64 {
	content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for line := range strings.Lines(string(content)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

func childrenOf(parent int) []int {
	var children []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if fields := stat(pid); len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			children = append(children, pid)
		}
	}
	return children
}
