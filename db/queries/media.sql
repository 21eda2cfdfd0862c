-- name: MediaInsert :batchexec
INSERT INTO media (id, account_id, inbox_id, contact_id, external_id, source_url, kind, state, declared_type, filename, sha256, created_at)
VALUES (@id, @account_id, @inbox_id, @contact_id, @external_id, @source_url, @kind, 'pending', @declared_type, @filename, @sha256, @created_at);

-- name: MediaInsertReady :one
-- An agent's upload.
INSERT INTO media (id, account_id, kind, state, declared_type, mime_type, filename, sha256, size, created_at, finished_at)
VALUES (@id, @account_id, @kind, 'ready', @declared_type, @mime_type, @filename, @sha256, @size, @created_at, @created_at)
RETURNING *;

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
-- Files that failed for want of a token, and that Meta still has.
UPDATE media SET state = 'pending', failure_code = NULL, failure_reason = NULL, finished_at = NULL
WHERE media.inbox_id = @inbox_id AND state = 'failed' AND failure_code = @failure_code::text AND created_at > @since::timestamptz
RETURNING contact_id;

-- name: MessageGetByMedia :one
SELECT * FROM messages WHERE account_id = @account_id AND media_id = @media_id ORDER BY created_at LIMIT 1;
