package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// setting is a flag with an environment variable, and the commands that have it.
type setting struct {
	Env, Group, Kind, Default, Help string
	Required                        bool
	Flags                           []string // its names on the command line: one, mostly
	Commands                        []string // none: all of them
}

// development are the commands that run on a developer's machine. They share names with the others and have defaults of their own.
var development = []string{"dev", "simulate"}

func newParser(ctx context.Context, c *cli) (*kong.Kong, error) {
	return kong.New(c, kong.Name("handoff"), kong.UsageOnError(),
		kong.Description("A self-hosted, headless human-handoff server."), kong.BindTo(ctx, (*context.Context)(nil)))
}

// settings are those of production and those of development, in the order of the command line. A name that means two things is an error.
func settings(app *kong.Application) (production, developers []setting, err error) {
	production, err = merge(nil, "", app.Flags)
	for _, command := range app.Leaves(false) {
		name := commandName(command)
		into := &production
		if slices.Contains(development, name) {
			into = &developers
		}
		var conflict error
		*into, conflict = merge(*into, name, command.Flags)
		err = errors.Join(err, conflict)
	}
	return production, developers, err
}

// commandName is what is typed, without the program and the arguments: "key create".
func commandName(n *kong.Node) string {
	name := n.Name
	for p := n.Parent; p != nil && p.Type == kong.CommandNode; p = p.Parent {
		name = p.Name + " " + name
	}
	return name
}

// merge adds a command's settings to those that are known; an empty command stands for all.
func merge(known []setting, command string, flags []*kong.Flag) ([]setting, error) {
	var conflicts []error
	for _, f := range flags {
		if len(f.Envs) == 0 {
			continue
		}
		s := newSetting(f)
		if command != "" {
			s.Commands = []string{command}
		}
		at := slices.IndexFunc(known, func(k setting) bool { return k.Env == s.Env })
		if at < 0 {
			known = append(known, s)
			continue
		}
		if a, b := known[at].meaning(), s.meaning(); a != b {
			conflicts = append(conflicts, fmt.Errorf("%s means two things: %q for %s and %q for %s", s.Env, a, known[at].Commands, b, command))
		}
		if !slices.Contains(known[at].Flags, s.Flags[0]) {
			known[at].Flags = append(known[at].Flags, s.Flags[0])
		}
		known[at].Commands = append(known[at].Commands, s.Commands...)
	}
	return known, errors.Join(conflicts...)
}

func newSetting(f *kong.Flag) setting {
	s := setting{Env: f.Envs[0], Flags: []string{"--" + f.Name}, Kind: kind(f), Default: f.Default, Help: f.Help, Required: f.Required}
	if f.Tag.Negatable != "" {
		s.Flags[0] = "--[no-]" + f.Name
	}
	if f.Group != nil {
		s.Group = f.Group.Key
	}
	return s
}

// meaning is what has to be the same wherever a variable is read.
func (s setting) meaning() string {
	return fmt.Sprint(s.Kind, "|", s.Default, "|", s.Help, "|", s.Required, "|", s.Group)
}

// kind says in words what a setting takes.
func kind(f *kong.Flag) string {
	if f.Enum != "" {
		return "one of `" + strings.ReplaceAll(f.Enum, ",", "`, `") + "`"
	}
	// A flag of kong's type "path" would take an empty variable for the working directory; those of production are plain texts.
	if f.Tag.Type == "path" || f.PlaceHolder == "FILE" {
		return "path"
	}
	target := f.Target.Type()
	if target.Kind() == reflect.Pointer {
		target = target.Elem()
	}
	if target == reflect.TypeFor[time.Duration]() {
		return "duration, such as `30s`"
	}
	switch target.Kind() {
	case reflect.Bool:
		return "`true` or `false`"
	case reflect.Slice:
		return "list, separated by commas"
	case reflect.Map:
		return "`name=value`, separated by `;`"
	case reflect.Float32, reflect.Float64:
		return "number"
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint32, reflect.Uint64:
		if target.PkgPath() == "" {
			return "whole number"
		}
	default:
	}
	return "text"
}
