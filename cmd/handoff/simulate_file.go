package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"handoff"
)

// fileServer lets the server fetch a customer's files from this process.
type fileServer struct {
	base   string
	server *http.Server

	mu      sync.Mutex
	files   map[string]string // path on disk by path of the URL
	waiting map[string]bool   // those that nobody has fetched yet
	fetched chan struct{}
}

func startFileServer() (*fileServer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &fileServer{
		base: "http://" + listener.Addr().String(), files: map[string]string{}, waiting: map[string]bool{}, fetched: make(chan struct{}, 1),
	}
	f.server = &http.Server{Handler: f, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = f.server.Serve(listener) }()
	return f, nil
}

// ServeHTTP gives a file out.
func (f *fileServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	file, known := f.files[r.URL.Path]
	f.mu.Unlock()
	if !known {
		http.NotFound(w, r)
		return
	}
	http.ServeFile(w, r, file)
	f.mu.Lock()
	delete(f.waiting, r.URL.Path)
	f.mu.Unlock()
	select {
	case f.fetched <- struct{}{}:
	default:
	}
}

// extension keeps a file's type visible in its address, which Chatlayer's protocol tells it by.
var extension = regexp.MustCompile(`^\.[a-z0-9]{1,5}$`)

func (f *fileServer) add(file string) string {
	name := "/" + handoff.NewID().String()
	if ext := strings.ToLower(filepath.Ext(file)); extension.MatchString(ext) {
		name += ext
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files[name], f.waiting[name] = file, true
	return f.base + name
}

const fetchedWithin = 15 * time.Second

// close waits a while until every file has been fetched.
func (f *fileServer) close(ctx context.Context) {
	deadline := time.After(fetchedWithin)
	for f.left() && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-f.fetched:
			continue
		case <-deadline:
		}
		break
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = f.server.Shutdown(ctx)
}

func (f *fileServer) left() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.waiting) > 0
}

// offer gives an address at which a file can be fetched while this process runs. A web address stays what it is.
func (p *person) offer(path string) (string, error) {
	if strings.HasPrefix(path, "https://") || strings.HasPrefix(path, "http://") {
		return path, nil
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(absolute); err != nil {
		return "", err
	}
	if p.files == nil {
		if p.files, err = startFileServer(); err != nil {
			return "", err
		}
	}
	return p.files.add(absolute), nil
}
