// Package pgserver runs a private PostgreSQL cluster from the binaries that are installed on this machine.
//
// It is for development and tests: connections from the loopback interface are trusted without a password. The
// server outlives a killed parent on purpose, so that no data is lost with it; the next Start on the same state
// directory adopts it.
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"handoff/internal/proc"
)

const (
	host         = "127.0.0.1"
	superuser    = "postgres"
	startTimeout = 60 * time.Second
	stopTimeout  = 30 * time.Second

	duplicateDatabase = "42P04"
)

// Config says where the cluster lives and how it runs.
type Config struct {
	// Dir is the state directory that the cluster belongs to. The data lies in it, except for root: PostgreSQL refuses to
	// run as root and another account usually cannot enter root's directories, so the data then lies under /var/tmp.
	Dir string
	// Port is the TCP port on 127.0.0.1; 0 picks a free one. An adopted server keeps the port it has.
	Port int
	// Fast gives up safety in a power cut for speed. Tests want it.
	Fast bool
	// Log receives progress in lines for people; nil discards it.
	Log io.Writer
}

// Server is a running cluster.
type Server struct {
	pid     int
	port    int
	adopted bool
	cluster *cluster
}

// Start returns once the cluster accepts connections. It creates the cluster if there is none, and adopts a server that
// already runs on it.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	c, err := newCluster(cfg)
	if err != nil {
		return nil, err
	}
	if err := c.createDirs(); err != nil {
		return nil, err
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()

	if pid, alive := c.livePID(); alive {
		return c.adopt(ctx, pid)
	}
	if c.bin, err = findBinaries(c.dataVersion()); err != nil {
		return nil, err
	}
	if err := c.initialize(ctx); err != nil {
		return nil, err
	}
	return c.launch(ctx)
}

// Destroy stops the server that runs on the state directory, if there is one, and deletes the cluster's data.
func Destroy(ctx context.Context, dir string) error {
	c, err := newCluster(Config{Dir: dir})
	if err != nil {
		return err
	}
	if pid, alive := c.livePID(); alive {
		if err := (&Server{pid: pid, cluster: c}).Stop(ctx); err != nil && !errors.Is(err, proc.ErrKilled) {
			return err
		}
	}
	return c.remove()
}

// Adopted reports whether the server was already running.
func (s *Server) Adopted() bool { return s.adopted }

// DataDir is the directory that holds the cluster.
func (s *Server) DataDir() string { return s.cluster.data }

// PID is the process id of the server.
func (s *Server) PID() int { return s.pid }

// URL is the connection string of a database in the cluster.
func (s *Server) URL(dbname string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.User(superuser),
		Host:     fmt.Sprintf("%s:%d", host, s.port),
		Path:     "/" + dbname,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// CreateDatabase creates a database if it does not exist.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil {
		return fmt.Errorf("look for database %s: %w", name, err)
	}
	if exists {
		return nil
	}

	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == duplicateDatabase {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

// Stop disconnects all clients and shuts the server down cleanly. A server that is not done when the context
// ends is killed; its next start then recovers from the log.
func (s *Server) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()

	// The server may have died long ago and its pid may belong to somebody else.
	if !s.cluster.owns(s.pid) {
		return nil
	}
	if err := proc.Stop(ctx, s.pid, syscall.SIGINT); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}
