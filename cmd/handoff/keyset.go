package main

import (
	"context"
	"errors"
	"fmt"

	"handoff/internal/reseal"
	"handoff/internal/secretbox"
)

// keysetCmd makes key sets and changes them. What it prints is the whole set: redirect it into a file that only the server reads.
type keysetCmd struct {
	New     keysetNewCmd     `cmd:"" default:"1" help:"Print a new key set. Once for a deployment: with another one its secrets do not open."`
	Add     keysetAddCmd     `cmd:"" help:"Print the key set with one more key, which opens and does not seal yet. Roll it out to every process first."`
	Promote keysetPromoteCmd `cmd:"" help:"Print the key set with its newest key as the one that seals. Roll it out once every process knows that key."`
	Rotate  keysetRotateCmd  `cmd:"" help:"Add and promote at once, for a deployment that stops as a whole while its key set is changed."`
	Show    keysetShowCmd    `cmd:"" help:"Show the keys of the set, by id, and how much of the database each has sealed."`
	Reseal  keysetResealCmd  `cmd:"" help:"Seal everything in the database anew that an older key has sealed, while the product runs. It may be repeated."`
	Prune   keysetPruneCmd   `cmd:"" help:"Print the key set without the keys before the one that seals. Refuses while something in the database needs one of them."`
}

type keysetNewCmd struct{}

func (keysetNewCmd) Run() error { return printKeyset(secretbox.GenerateKeyset()) }

type keysetAddCmd struct{ secretFlags }

func (c *keysetAddCmd) Run() error { return c.changed(secretbox.Add) }

type keysetPromoteCmd struct{ secretFlags }

func (c *keysetPromoteCmd) Run() error { return c.changed(secretbox.Promote) }

type keysetRotateCmd struct{ secretFlags }

func (c *keysetRotateCmd) Run() error { return c.changed(secretbox.Rotate) }

func (f secretFlags) changed(change func(string) (string, error)) error {
	text, err := f.text()
	if err != nil {
		return err
	}
	return printKeyset(change(text))
}

func printKeyset(keyset string, err error) error {
	if err != nil {
		return err
	}
	fmt.Println(keyset)
	return nil
}

// keysetFlags are for what looks into the database.
type keysetFlags struct {
	postgresFlags
	secretFlags
}

type keysetShowCmd struct{ keysetFlags }

func (c *keysetShowCmd) Run(ctx context.Context) error {
	_, usage, err := c.usage(ctx)
	if err != nil {
		return err
	}
	return printJSON(usage)
}

func (f keysetFlags) usage(ctx context.Context) (string, []reseal.Usage, error) {
	text, err := f.text()
	if err != nil {
		return "", nil, err
	}
	pool, err := f.open(ctx)
	if err != nil {
		return "", nil, err
	}
	defer pool.Close()
	usage, err := reseal.Use(ctx, pool, text)
	return text, usage, err
}

type keysetResealCmd struct{ keysetFlags }

func (c *keysetResealCmd) Run(ctx context.Context) error {
	box, err := c.box()
	if err != nil {
		return err
	}
	pool, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	report, err := reseal.Run(ctx, pool, box)
	if err != nil {
		return err
	}
	if err := printJSON(report); err != nil {
		return err
	}
	if report.Closed > 0 {
		return fmt.Errorf("%d values open under no key of the set and were left as they are: find the key set that was in use when they were saved, "+
			"or save them again", report.Closed)
	}
	return nil
}

type keysetPruneCmd struct {
	keysetFlags
	Force bool `name:"links-are-gone" help:"Say that no link is needed any more that an older key sealed (to files: 7 days, to surveys: 30 days), and no Temporal history either, where HANDOFF_SEAL_PAYLOADS is on. The database does not know."`
}

func (c *keysetPruneCmd) Run(ctx context.Context) error {
	text, usage, err := c.usage(ctx)
	if err != nil {
		return err
	}
	for _, key := range usage {
		if key.Known && !key.Primary && key.Sealed > 0 {
			return fmt.Errorf("%d values in the database are sealed under key %d, which would be dropped: run handoff keyset reseal with this key set first", key.Sealed, key.ID)
		}
	}
	if !c.Force {
		return errors.New("links to files live for 7 days and links to surveys for 30, and with HANDOFF_SEAL_PAYLOADS the histories in Temporal as long as it keeps them: " +
			"say --links-are-gone when none is left from before the new key")
	}
	return printKeyset(secretbox.Prune(text, nil))
}
