package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	schema "go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	// retention is how long the UI still shows a closed conversation; the server's default is one day.
	retention = 7 * 24 * time.Hour
	// userVersionOffset is where the header of a SQLite file keeps `PRAGMA user_version`, big endian.
	userVersionOffset = 60
)

// attributes are search attributes by name.
type attributes map[string]enumspb.IndexedValueType

// searchAttributes are the ones that the conversation workflow sets.
func searchAttributes() attributes {
	return attributes{
		"HandoffAccount":      enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"HandoffAssignee":     enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"HandoffInbox":        enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"HandoffLastActivity": enumspb.INDEXED_VALUE_TYPE_DATETIME,
		"HandoffStatus":       enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"HandoffTeam":         enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"HandoffTrouble":      enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
	}
}

// openStorage returns the database settings; a new database gets its schema, and the namespace is made if absent.
func openStorage(opts options) (*config.SQL, error) {
	cfg := memoryStorage()
	if opts.db != "" {
		if err := prepareFile(opts.db); err != nil {
			return nil, err
		}
		cfg = fileStorage(opts.db)
	}

	namespace, err := schema.NewNamespaceConfig(clusterName, opts.namespace, false, opts.searchAttributes)
	if err != nil {
		return nil, fmt.Errorf("configure namespace %s: %w", opts.namespace, err)
	}
	namespace.Detail.Config.Retention = durationpb.New(retention)
	if err := schema.CreateNamespaces(cfg, namespace); err != nil {
		return nil, fmt.Errorf("create namespace %s: %w", opts.namespace, err)
	}
	return cfg, nil
}

// memoryStorage has a random name because in-memory databases with one name are one database within a process.
func memoryStorage() *config.SQL {
	return &config.SQL{
		PluginName:        sqlite.PluginName,
		DatabaseName:      strconv.FormatUint(rand.Uint64(), 36),
		ConnectAttributes: map[string]string{"mode": "memory", "cache": "shared"},
	}
}

// fileStorage trades nothing that matters in development: WAL with synchronous NORMAL survives the death of the
// process and loses only the last commits in a power cut, for a third of the CPU. A second connection
// brings SQLITE_BUSY errors even in WAL mode.
func fileStorage(file string) *config.SQL {
	return &config.SQL{
		PluginName:        sqlite.PluginName,
		DatabaseName:      file,
		MaxConns:          1,
		MaxIdleConns:      1,
		ConnectAttributes: map[string]string{"mode": "rwc", "journal_mode": "wal", "synchronous": "normal"},
	}
}

// prepareFile creates the database under another name first, so that a kill halfway leaves no file with half a schema.
func prepareFile(file string) error {
	version, err := userVersion(file)
	if err == nil {
		if version == 0 || version == schemaMark() {
			return nil
		}
		return fmt.Errorf("%s was created by another version of the Temporal server, and SQLite files are not migrated: "+
			"delete it (its workflows are lost) or use another --db", file)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open database: %w", err)
	}

	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("create database directory: %w", err)
	}
	temp := file + ".new"
	if err := os.RemoveAll(temp); err != nil {
		return fmt.Errorf("remove unfinished database: %w", err)
	}
	attrs := map[string]string{"mode": "rwc", "user_version": strconv.FormatUint(uint64(schemaMark()), 10)}
	cfg := &config.SQL{PluginName: sqlite.PluginName, DatabaseName: temp, ConnectAttributes: maps.Clone(attrs)}
	if err := schema.SetupSchema(cfg); err != nil {
		return fmt.Errorf("create database schema: %w", err)
	}
	if err := os.Rename(temp, file); err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	return nil
}

// schemaMark tells database files of different server versions apart. It is positive, as SQLite's number is signed.
func schemaMark() uint32 {
	return crc32.ChecksumIEEE([]byte(schema.Version+"/"+schema.VisibilityVersion))>>1 | 1
}

func userVersion(file string) (uint32, error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()

	var number [4]byte
	if _, err := f.ReadAt(number[:], userVersionOffset); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("%s is not a SQLite database: delete it or use another --db", file)
		}
		return 0, err
	}
	return binary.BigEndian.Uint32(number[:]), nil
}

// lockDatabase keeps a second server off the file: SQLite would let both in, and each would believe it owns all shards.
// The kernel releases the lock when the process dies, however it dies.
func lockDatabase(file string) (func(), error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("create database directory: %w", err)
	}
	lock, err := os.OpenFile(file+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock database: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("%s is in use by another handoff-devserver: stop that one or use another --db", file)
	}
	return func() { _ = lock.Close() }, nil
}
