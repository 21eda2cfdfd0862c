package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/graph"
	"handoff/internal/mediastore"
	"handoff/internal/outbound"
	"handoff/internal/secretbox"
)

const (
	// mediaLimit is how many pending files a snapshot names: more are named once these are through.
	mediaLimit = 20
	// damagedTries is how often a file that is not the announced one is fetched before that is taken for final.
	damagedTries = 5
	// orphanPatience is how long it may take to look whether a file still has its row, after everything else, a cancellation too.
	orphanPatience = 10 * time.Second
)

// The reasons for which a file is given up, beside handoff.FailureNoToken.
const (
	mediaExpired = "expired"
	mediaTooBig  = "too_large"
	mediaDamaged = "damaged"
)

// Unfetched is the type of the error with which DownloadMedia asks to be run again.
const Unfetched = "unfetched"

// MediaResult is what follows from a file that was fetched or given up.
type MediaResult struct {
	// Media are the files that are still to be fetched, and Lanes those that have something to send, after this.
	Media []handoff.ID `json:"media,omitempty"`
	Lanes []Lane       `json:"lanes,omitempty"`
}

// DownloadMedia fetches one file: from Meta in two steps, whose first is repeated each time because the address works for five minutes
// only, or from the address that the vendor gave. It fails only to be run again; what is final stands on the file's row.
func (a *Activities) DownloadMedia(ctx context.Context, in MediaInput) (MediaResult, error) {
	defer heartbeat(ctx)()
	file, err := a.queries().MediaGetAny(ctx, in.MediaID)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) { // its contact may have been erased
		return MediaResult{}, a.storeFailed(ctx, "read the file's row", err)
	}
	if file.State == handoff.MediaPending {
		defer a.dropOrphan(ctx, file)
		finish, err := a.fetch(ctx, file)
		a.observeMedia(finish, err)
		if err != nil {
			return MediaResult{}, a.unfetched(ctx, err)
		}
		if err := a.finishMedia(ctx, in.Ref, finish); err != nil {
			return MediaResult{}, a.storeFailed(ctx, "write the file's row", err)
		}
	}
	var out MediaResult
	if out.Lanes, err = a.listLanes(ctx, a.queries(), in.Ref); err != nil {
		return out, a.storeFailed(ctx, "read the lanes", err)
	}
	out.Media, err = listMedia(ctx, a.queries(), in.Ref)
	return out, a.storeFailed(ctx, "list the files", err)
}

// dropOrphan deletes the bytes of a file whose row has gone while they were fetched: nothing else would ever find them. Whoever deletes a
// row deletes the bytes too, and looks no later than here.
func (a *Activities) dropOrphan(ctx context.Context, file dbsqlc.Media) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), orphanPatience)
	defer cancel()
	_, err := a.queries().MediaGetAny(ctx, file.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		err = a.Store.Delete(ctx, mediastore.Key(file.AccountID, file.ID))
	}
	if err != nil {
		a.Log.ErrorContext(ctx, "it is not known whether a file still has its row", "media_id", file.ID, "error", db.LogText(err))
	}
}

func listMedia(ctx context.Context, q *dbsqlc.Queries, ref Ref) ([]handoff.ID, error) {
	return q.WakeMediaList(ctx, dbsqlc.WakeMediaListParams{InboxID: &ref.InboxID, ContactID: &ref.ContactID, RowLimit: mediaLimit})
}

func (a *Activities) observeMedia(finish dbsqlc.MediaFinishParams, err error) {
	switch {
	case a.ObserveMedia == nil:
	case err != nil:
		a.ObserveMedia("retry")
	case finish.FailureCode != nil:
		a.ObserveMedia(*finish.FailureCode)
	default:
		a.ObserveMedia("ready")
	}
}

// unfetched asks for another try. The error of the vendor says nothing of the file and is shown to operators.
func (a *Activities) unfetched(ctx context.Context, err error) error {
	a.Log.InfoContext(ctx, "a file was not fetched yet", "error", err)
	return temporal.NewApplicationError("the file was not fetched yet: the worker's log says why", Unfetched)
}

// fetch gives the row of a file that is through, for better or worse; an error means that it is worth another try.
func (a *Activities) fetch(ctx context.Context, file dbsqlc.Media) (dbsqlc.MediaFinishParams, error) {
	inbox, err := a.queries().InboxGetAny(ctx, *file.InboxID)
	if err != nil {
		return dbsqlc.MediaFinishParams{}, err
	}
	token, err := a.open(inbox.AccessToken, secretbox.AccessToken(inbox.AccountID, inbox.ID))
	if err != nil {
		return dbsqlc.MediaFinishParams{}, err
	}
	if file.SourceURL == nil && token == "" {
		return a.givenUp(file, handoff.FailureNoToken, "the inbox has no access_token to fetch it with: save one"), nil
	}
	if a.Now().Sub(file.CreatedAt) > handoff.MediaKept {
		return a.givenUp(file, mediaExpired, "Meta keeps files for 7 days, and it could not be fetched in that time"), nil
	}
	info, err := a.store(ctx, file, token)
	var large mediastore.ErrTooLarge
	switch {
	case err == nil:
		return a.stored(file, info), nil
	case errors.Is(err, graph.ErrMediaGone):
		return a.givenUp(file, mediaExpired, "the vendor has no such file any more"), nil
	case errors.As(err, &large), errors.Is(err, outbound.ErrTooLarge):
		return a.givenUp(file, mediaTooBig, "it has more than 100 MB"), nil
	case errors.Is(err, mediastore.ErrHash) && triesOf(ctx) >= damagedTries, errors.Is(err, mediastore.ErrEmpty) && triesOf(ctx) >= damagedTries:
		return a.givenUp(file, mediaDamaged, "what arrived is not the file that was announced"), nil
	}
	return dbsqlc.MediaFinishParams{}, err
}

// store streams the file into the blob store.
func (a *Activities) store(ctx context.Context, file dbsqlc.Media, token string) (mediastore.Info, error) {
	body, err := a.source(ctx, file, token)
	if err != nil {
		return mediastore.Info{}, err
	}
	defer func() { _ = body.Close() }()
	return a.Store.Write(ctx, mediastore.Key(file.AccountID, file.ID), body, mediastore.Limits{SHA256: db.OrEmpty(file.Sha256)})
}

func (a *Activities) source(ctx context.Context, file dbsqlc.Media, token string) (io.ReadCloser, error) {
	if file.SourceURL != nil {
		return a.sourceURL(ctx, file)
	}
	info, err := a.Graph.Media(ctx, token, *file.ExternalID)
	if err != nil {
		return nil, err
	}
	return a.Graph.Download(ctx, token, info.URL)
}

// sourceURL opens a file at the address that its vendor gave. It may be a moment before the file is there.
func (a *Activities) sourceURL(ctx context.Context, file dbsqlc.Media) (io.ReadCloser, error) {
	stream, err := a.Poster.Get(ctx, *file.SourceURL, nil, mediastore.MaxBytes)
	if err != nil {
		return nil, err
	}
	if stream.Status >= 200 && stream.Status < 300 {
		return stream, nil
	}
	_ = stream.Close()
	if (stream.Status == http.StatusNotFound || stream.Status == http.StatusGone) && triesOf(ctx) >= damagedTries {
		return nil, graph.ErrMediaGone
	}
	return nil, fmt.Errorf("the file's address answers %d", stream.Status)
}

func (a *Activities) stored(file dbsqlc.Media, info mediastore.Info) dbsqlc.MediaFinishParams {
	now := a.Now()
	mimeType := mediastore.Type(db.OrEmpty(file.DeclaredType), info.MIMEType, file.Kind)
	return dbsqlc.MediaFinishParams{
		ID: file.ID, State: handoff.MediaReady, MimeType: &mimeType, Sha256: &info.SHA256, Size: &info.Size, FinishedAt: &now,
	}
}

func (a *Activities) givenUp(file dbsqlc.Media, code, reason string) dbsqlc.MediaFinishParams {
	now := a.Now()
	return dbsqlc.MediaFinishParams{ID: file.ID, State: handoff.MediaFailed, FailureCode: &code, FailureReason: &reason, FinishedAt: &now}
}

func triesOf(ctx context.Context) int32 {
	if !activity.IsActivity(ctx) {
		return 1
	}
	return activity.GetInfo(ctx).Attempt
}

// finishMedia writes the file's row and says so, under the contact's lock.
func (a *Activities) finishMedia(ctx context.Context, ref Ref, finish dbsqlc.MediaFinishParams) error {
	return db.InTx(ctx, a.DB, func(tx pgx.Tx, q *dbsqlc.Queries) error {
		l, err := a.lockConversation(ctx, tx, ref, a.Now())
		if err != nil || l == nil {
			return err
		}
		rows, err := q.MediaFinish(ctx, finish)
		if err != nil || rows == 0 {
			return err
		}
		if err := q.WakeMediaCount(ctx, dbsqlc.WakeMediaCountParams{InboxID: &ref.InboxID, ContactID: &ref.ContactID}); err != nil {
			return err
		}
		m, err := q.MessageGetByMedia(ctx, dbsqlc.MessageGetByMediaParams{AccountID: ref.AccountID, MediaID: &finish.ID})
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := l.load(ctx); err != nil {
			return err
		}
		kind, data := handoff.EventMediaReady, map[string]any{"media_id": finish.ID}
		if finish.State == handoff.MediaFailed {
			kind = handoff.EventMediaFailed
			data["failure"] = handoff.Failure{Code: *finish.FailureCode, Reason: *finish.FailureReason}
		}
		err = l.record(ctx, happening{kind: kind, author: handoff.AuthorSystem, message: &m, data: data, conversation: m.ConversationID})
		if err != nil {
			return err
		}
		return l.flush(ctx)
	})
}
