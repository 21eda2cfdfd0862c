package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"handoff"
	"handoff/activities"
)

// downloadsAtOnce is how many files of one contact are fetched side by side.
const downloadsAtOnce = 4

// download is one file on its way.
type download struct {
	media  handoff.ID
	future workflow.Future
	cancel workflow.CancelFunc
}

func (d *download) done() bool    { return d.future.IsReady() }
func (d *download) running() bool { return !d.future.IsReady() }

// startDownloads starts fetching files that nobody fetches yet.
func (c *conversation) startDownloads(ctx workflow.Context) {
	for _, id := range c.files {
		if len(c.media) == downloadsAtOnce {
			return
		}
		if slices.ContainsFunc(c.media, func(d *download) bool { return d.media == id }) {
			continue
		}
		mediaCtx, cancel := workflow.WithCancel(ctx)
		mediaCtx = workflow.WithActivityOptions(mediaCtx, workflow.ActivityOptions{
			// 100 MB at 2 Mbit/s. A dead worker is found by its missing heartbeat long before.
			StartToCloseTimeout: 10 * time.Minute,
			HeartbeatTimeout:    5 * time.Second,
			WaitForCancellation: true,
			Summary:             "a file of the contact's",
			// Until the vendor drops the file, after seven days, which the activity finds out.
			RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Minute},
		})
		future := execute(mediaCtx, a.DownloadMedia, activities.MediaInput{Ref: c.in.Ref, MediaID: id})
		c.media = append(c.media, &download{media: id, future: future, cancel: cancel})
	}
}

// collectDownloads takes in which files are through, and which are left.
func (c *conversation) collectDownloads(ctx workflow.Context) error {
	for _, d := range c.media {
		if d.running() {
			continue
		}
		var result activities.MediaResult
		err := d.future.Get(ctx, &result)
		d.cancel()
		if err != nil {
			if !temporal.IsCanceledError(err) {
				workflow.GetLogger(ctx).Error("a download failed; it is started again", "media", d.media, "error", err)
				if err := workflow.Sleep(ctx, time.Second); err != nil {
					return err
				}
			}
			continue
		}
		// The result may be older than what an apply has listed since: it only adds.
		c.files = slices.DeleteFunc(c.files, func(id handoff.ID) bool { return id == d.media })
		for _, id := range result.Media {
			if !slices.Contains(c.files, id) {
				c.files = append(c.files, id)
			}
		}
		c.seeLanes(result.Lanes)
	}
	c.media = slices.DeleteFunc(c.media, (*download).done)
	return nil
}
