// Package devtemporal builds and runs the Temporal development server of the devserver module.
//
// The server is a process of its own: linking it would cost every binary of the product 150 MB. It outlives a killed
// parent on purpose, so that no state is lost with it; the next Start on the same state directory adopts it, or
// stops it if it does not fit.
package devtemporal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"handoff/internal/proc"
)

const (
	startTimeout = 90 * time.Second
	stopTimeout  = 20 * time.Second
	// replaceTimeout is shorter because the server to be replaced may hang, and a kill loses nothing that is committed.
	replaceTimeout = 5 * time.Second
	readyPoll      = 10 * time.Millisecond
	tailBytes      = 2000
)

// Config says where the server keeps its state and how it runs.
type Config struct {
	// StateDir holds the log and the files by which a later run finds the server.
	StateDir string
	// DBFile keeps the workflows over a restart; empty keeps them in memory.
	DBFile string
	// GRPCPort and UIPort are on 127.0.0.1; 0 picks free ones.
	GRPCPort int
	UIPort   int
	// Headless leaves the Web UI out.
	Headless bool
	// Binary is the server program; empty means the one that Build makes.
	Binary string
	// Log receives progress in lines for people; nil discards it.
	Log io.Writer
}

// Server is a running development server.
type Server struct {
	GRPCAddress string
	UIURL       string // empty when headless
	PID         int
	Adopted     bool // it was already running

	files stateFiles
}

// Start returns once the server is usable. The binary is built first if it has to be.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.StateDir == "" {
		return nil, errors.New("start Temporal: no state directory given")
	}
	if cfg.Log == nil {
		cfg.Log = io.Discard
	}
	if cfg.Binary == "" {
		binary, err := Build(ctx, cfg.Log)
		if err != nil {
			return nil, err
		}
		cfg.Binary = binary
	}

	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	files, err := openStateDir(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	unlock, err := proc.Lock(ctx, files.lock)
	if err != nil {
		return nil, err
	}
	defer unlock()

	args, err := files.serverArgs(cfg)
	if err != nil {
		return nil, err
	}
	if s := files.adopt(ctx, cfg.Binary, args); s != nil {
		logf(cfg.Log, "Temporal: using the running server at %s (pid %d)", s.GRPCAddress, s.PID)
		return s, nil
	}
	if err := files.stopRecorded(ctx, replaceTimeout); err != nil && !errors.Is(err, proc.ErrKilled) {
		return nil, err
	}
	return files.launch(ctx, cfg, args)
}

// StopRecorded stops the server that an earlier run left behind in a state directory, if there is one.
func StopRecorded(ctx context.Context, stateDir string) error {
	files, err := newStateFiles(stateDir)
	if err != nil {
		return err
	}
	return files.stopRecorded(ctx, stopTimeout)
}

// Stop ends the server and waits for it. A server that is not done when the context ends is killed.
func (s *Server) Stop(ctx context.Context) error {
	return s.files.stopRecorded(ctx, stopTimeout)
}

// launch starts the server and waits until it has written its addresses.
func (f stateFiles) launch(ctx context.Context, cfg Config, args []string) (*Server, error) {
	// A file and not a pipe: the server must be able to write after we are gone.
	log, err := os.OpenFile(f.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open Temporal log: %w", err)
	}
	defer func() { _ = log.Close() }()

	began := time.Now()
	cmd := exec.Command(cfg.Binary, args...)
	cmd.Stdout, cmd.Stderr = log, log
	// Its own process group keeps a Ctrl-C in the terminal away from it until its users have stopped.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Temporal: %w", err)
	}
	pid := cmd.Process.Pid
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()

	err = f.writeRecord(record{PID: pid, Args: args})
	var addr addresses
	if err == nil {
		addr, err = f.waitUsable(ctx, pid, exited)
	}
	if err != nil {
		_ = cmd.Process.Kill()
		<-exited
		f.forget()
		return nil, err
	}
	logf(cfg.Log, "Temporal: ready at %s after %s (pid %d)", addr.GRPCAddress, time.Since(began).Round(10*time.Millisecond), pid)
	return f.server(addr, false), nil
}

func (f stateFiles) waitUsable(ctx context.Context, pid int, exited <-chan struct{}) (addresses, error) {
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for {
		if addr, err := f.readAddresses(); err == nil && addr.PID == pid {
			return addr, nil
		}
		select {
		case <-exited:
			return addresses{}, fmt.Errorf("Temporal ended before it was usable:\n%s", f.logTail())
		case <-ctx.Done():
			return addresses{}, fmt.Errorf("wait for Temporal (log: %s): %w", f.log, ctx.Err())
		case <-ticker.C:
		}
	}
}

// adopt returns the server of an earlier run if it runs the same program with the same settings and is healthy.
func (f stateFiles) adopt(ctx context.Context, binary string, args []string) *Server {
	rec, alive := f.running()
	if !alive || !slices.Equal(rec.Args, args) || !runsProgram(rec.PID, binary) {
		return nil
	}
	addr, err := f.readAddresses()
	if err != nil || addr.PID != rec.PID || checkHealth(ctx, addr.GRPCAddress) != nil {
		return nil
	}
	return f.server(addr, true)
}

// runsProgram is false when the program was rebuilt since: the kernel marks the old file as deleted.
func runsProgram(pid int, binary string) bool {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		// Without /proc the command line, which was checked already, has to do.
		return true
	}
	resolved, err := filepath.EvalSymlinks(binary)
	return err == nil && exe == resolved
}

// stopRecorded stops the recorded server if it still runs, and forgets it.
func (f stateFiles) stopRecorded(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	rec, alive := f.running()
	if !alive {
		f.forget()
		return nil
	}
	err := proc.Stop(ctx, rec.PID, syscall.SIGTERM)
	if err == nil || errors.Is(err, proc.ErrKilled) {
		f.forget()
	}
	if err != nil {
		return fmt.Errorf("stop Temporal: %w", err)
	}
	return nil
}

func (f stateFiles) server(addr addresses, adopted bool) *Server {
	return &Server{GRPCAddress: addr.GRPCAddress, UIURL: addr.UIURL, PID: addr.PID, Adopted: adopted, files: f}
}

func (f stateFiles) serverArgs(cfg Config) ([]string, error) {
	args := []string{
		"--addresses-file", f.addresses,
		"--grpc-port", strconv.Itoa(cfg.GRPCPort),
		"--ui-port", strconv.Itoa(cfg.UIPort),
	}
	if cfg.DBFile != "" {
		db, err := filepath.Abs(cfg.DBFile)
		if err != nil {
			return nil, fmt.Errorf("find Temporal database: %w", err)
		}
		args = append(args, "--db", db)
	}
	if cfg.Headless {
		args = append(args, "--headless")
	}
	return args, nil
}

func (f stateFiles) readAddresses() (addresses, error) {
	var addr addresses
	content, err := os.ReadFile(f.addresses)
	if err != nil {
		return addr, err
	}
	return addr, json.Unmarshal(content, &addr)
}

func logf(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...)
}
