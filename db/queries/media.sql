-- name: MediaInsert :batchexec
INSERT INTO media (id, account_id, inbox_id, contact_id, external_id, source_url, kind, state, declared_type, filename, sha256, created_at)
VALUES (@id, @account_id, @inbox_id, @contact_id, @external_id, @source_url, @kind, 'pending', @declared_type, @filename, @sha256, @created_at);

-- name: MediaInsertUpload :exec
-- An agent's file while it arrives. Its row comes first, so that nothing lies in the store that no row tells of; a repeated request
-- finds it.
INSERT INTO media (id, account_id, kind, state, created_at) VALUES (@id, @account_id, @kind, 'pending', @created_at)
ON CONFLICT (id) DO NOTHING;

-- name: MediaFinishUpload :execrows
UPDATE media SET state = 'ready', kind = @kind, declared_type = @declared_type, mime_type = @mime_type, filename = @filename,
    sha256 = @sha256, size = @size, finished_at = @finished_at
WHERE account_id = @account_id AND id = @id AND state = 'pending' AND contact_id IS NULL;

-- name: MediaDropUpload :execrows
-- An upload that was refused or broke off.
DELETE FROM media WHERE account_id = @account_id AND id = @id AND state = 'pending' AND contact_id IS NULL;

-- name: MediaLockUnused :many
-- Uploads that no message uses. A message that is being written holds a lock on its file and is passed over.
SELECT d.id FROM media d
WHERE d.contact_id IS NULL AND d.inbox_id IS NULL AND d.created_at < @before
  AND NOT EXISTS (SELECT FROM messages m WHERE m.media_id = d.id)
ORDER BY d.id LIMIT @row_limit FOR UPDATE OF d SKIP LOCKED;

-- name: MediaDeleteUnused :many
-- Of those that are locked. A message may have come between their selection and their lock; after it none can.
DELETE FROM media WHERE id = ANY(@ids::uuid[]) AND NOT EXISTS (SELECT FROM messages m WHERE m.media_id = media.id)
RETURNING id, account_id;

-- name: MediaGet :one
SELECT * FROM media WHERE account_id = @account_id AND id = @id;

-- name: MediaGetAny :one
SELECT * FROM media WHERE id = @id;

-- name: MediaList :many
SELECT * FROM media WHERE account_id = @account_id AND id = ANY(@ids::uuid[]);

-- name: MediaListPending :many
-- Files of a contact's messages that are still to be fetched, of applied messages only.
SELECT d.id FROM media d
WHERE d.inbox_id = @inbox_id AND d.contact_id = @contact_id AND d.state = 'pending' ORDER BY d.id LIMIT @row_limit;

-- name: MediaFinish :execrows
UPDATE media SET state = @state, mime_type = @mime_type, sha256 = coalesce(@sha256, sha256), size = @size, failure_code = @failure_code,
    failure_reason = @failure_reason, finished_at = @finished_at
WHERE id = @id AND state = 'pending';

-- name: MediaRetryTokenless :many
-- Files that failed for want of a token, and that Meta still has, are fetched again. The contacts' rows are locked first, in the order
-- that everybody follows.
WITH locked AS (
    SELECT w.inbox_id, w.contact_id FROM wakes w
    WHERE w.inbox_id = @inbox_id AND w.contact_id IN (
        SELECT f.contact_id FROM media f
        WHERE f.inbox_id = @inbox_id AND f.state = 'failed' AND f.failure_code = @failure_code::text AND f.created_at > @since::timestamptz)
    ORDER BY w.inbox_id, w.contact_id
    FOR UPDATE),
retried AS (
    UPDATE media SET state = 'pending', failure_code = NULL, failure_reason = NULL, finished_at = NULL
    FROM locked
    WHERE media.inbox_id = locked.inbox_id AND media.contact_id = locked.contact_id
      AND media.state = 'failed' AND media.failure_code = @failure_code::text AND media.created_at > @since::timestamptz
    RETURNING media.contact_id)
UPDATE wakes SET media_pending = wakes.media_pending + r.files, raised = true,
    signals = CASE WHEN raised THEN signals ELSE 0 END,
    next_signal_at = CASE WHEN raised THEN next_signal_at ELSE now() + interval '2 seconds' END
FROM (SELECT contact_id, count(*)::integer AS files FROM retried GROUP BY contact_id) AS r
WHERE wakes.inbox_id = @inbox_id AND wakes.contact_id = r.contact_id
RETURNING wakes.account_id, wakes.inbox_id, wakes.contact_id;

-- name: MessageGetByMedia :one
SELECT * FROM messages WHERE account_id = @account_id AND media_id = @media_id ORDER BY created_at LIMIT 1;
