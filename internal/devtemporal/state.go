package devtemporal

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"handoff/internal/proc"
)

// addresses is what the server writes once it is usable.
type addresses struct {
	GRPCAddress string `json:"grpc_address"`
	UIURL       string `json:"ui_url"`
	PID         int    `json:"pid"`
}

// record is what we write about a server the moment it is started, for the run after this one.
type record struct {
	PID  int      `json:"pid"`
	Args []string `json:"args"`
}

// stateFiles are our files in a state directory.
type stateFiles struct {
	addresses string
	lock      string
	log       string
	record    string
}

func newStateFiles(dir string) (stateFiles, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return stateFiles{}, fmt.Errorf("find state directory: %w", err)
	}
	return stateFiles{
		addresses: filepath.Join(dir, "temporal-addresses.json"),
		lock:      filepath.Join(dir, "temporal.lock"),
		log:       filepath.Join(dir, "temporal.log"),
		record:    filepath.Join(dir, "temporal-process.json"),
	}, nil
}

func openStateDir(dir string) (stateFiles, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return stateFiles{}, fmt.Errorf("create state directory: %w", err)
	}
	return newStateFiles(dir)
}

func (f stateFiles) writeRecord(rec record) error {
	content, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("encode process record: %w", err)
	}
	if err := os.WriteFile(f.record, content, 0o600); err != nil {
		return fmt.Errorf("record Temporal process: %w", err)
	}
	return nil
}

// running returns the recorded server if it still runs. The pid may belong to somebody else by now, so the command line
// must be exactly the one we started; it contains the path of this directory's addresses file.
func (f stateFiles) running() (record, bool) {
	content, err := os.ReadFile(f.record)
	if err != nil {
		return record{}, false
	}
	var rec record
	if err := json.Unmarshal(content, &rec); err != nil || !proc.Alive(rec.PID) {
		return record{}, false
	}
	running := proc.CommandLine(rec.PID)
	return rec, len(running) > 1 && slices.Equal(running[1:], rec.Args)
}

func (f stateFiles) forget() {
	_ = os.Remove(f.addresses)
	_ = os.Remove(f.record)
}

func (f stateFiles) logTail() string {
	content, err := os.ReadFile(f.log)
	if err != nil {
		return "(no log: " + err.Error() + ")"
	}
	return string(content[max(0, len(content)-tailBytes):])
}
