package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// buildVersion, buildCommit and buildDate are set by the linker (-X main.buildVersion=…) in what make and the release build. Without
// them Go's own record of the build is used, which a build outside a checkout does not have.
var buildVersion, buildCommit, buildDate string

// build is what the binary was built from.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Date    string `json:"date"` // of the commit, so that two builds of it are the same
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func (b build) String() string {
	text := "handoff " + b.Version
	if b.Commit != "" {
		text += " (" + strings.TrimSpace(b.Commit+" "+b.Date) + ")"
	}
	return fmt.Sprintf("%s %s %s/%s", text, b.Go, b.OS, b.Arch)
}

func readBuild() build {
	b := build{Version: buildVersion, Commit: buildCommit, Date: buildDate, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		b.Version = cmp.Or(b.Version, "unknown")
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = cmp.Or(b.Commit, s.Value)
		case "vcs.time":
			b.Date = cmp.Or(b.Date, s.Value)
		}
	}
	b.Version = cmp.Or(b.Version, info.Main.Version, "unknown")
	return b
}

// version is what the API's document and the start of a log say.
func version() string { return readBuild().Version }

type versionCmd struct {
	Output string `help:"How it is printed: text or json." enum:"text,json" default:"text"`
}

func (c *versionCmd) Run() error {
	if c.Output == "json" {
		return printJSON(readBuild())
	}
	_, err := fmt.Println(readBuild())
	return err
}
