-- name: FeedHorizon :one
-- Every transaction before the horizon has ended: what it wrote can be read, and nothing can come before it any more. Every transaction
-- that has begun to write by now is before begun.
SELECT feed_horizon()::xid8 AS horizon, feed_begun()::xid8 AS begun;

-- name: FeedList :many
-- The next events of several accounts together, in the order of all. Each account's part is bounded, so that one with much to tell
-- costs no more than a page.
SELECT sqlc.embed(events) FROM unnest(@account_ids::uuid[]) AS a(id)
JOIN LATERAL (
    SELECT * FROM events e
    WHERE e.account_id = a.id AND (e.txid, e.position) > (@after_txid, @after_position) AND e.txid < @horizon
    ORDER BY e.txid, e.position LIMIT @row_limit
) events ON true
ORDER BY events.txid, events.position LIMIT @row_limit;

-- name: FeedListByAccount :many
-- The next events of one account that pass the filters.
SELECT * FROM events
WHERE account_id = @account_id AND (txid, position) > (@after_txid, @after_position) AND txid < @horizon
  AND (sqlc.narg('inbox_id')::uuid IS NULL OR inbox_id = sqlc.narg('inbox_id'))
  AND (sqlc.narg('conversation_id')::uuid IS NULL OR conversation_id = sqlc.narg('conversation_id'))
  AND (cardinality(@types::text[]) = 0 OR type = ANY(@types::text[]))
ORDER BY txid, position LIMIT @row_limit;

-- name: FeedConversations :many
-- As ConversationDetail has them.
SELECT sqlc.embed(c), ct.name AS contact_name, a.name AS assignee_name, t.name AS team_name, o.name AS offered_name
FROM conversations c
JOIN contacts ct ON ct.id = c.contact_id
LEFT JOIN agents a ON a.id = c.assignee_id
LEFT JOIN teams t ON t.id = c.team_id
LEFT JOIN agents o ON o.id = c.offered_to
WHERE c.account_id = @account_id AND c.id = ANY(@ids::uuid[]);

-- name: FeedNotes :many
-- As NoteList has them.
SELECT n.*, a.name AS agent_name, ARRAY(SELECT m.agent_id FROM mentions m WHERE m.note_id = n.id ORDER BY m.agent_id)::uuid[] AS mentions
FROM notes n LEFT JOIN agents a ON a.id = n.agent_id
WHERE n.account_id = @account_id AND n.id = ANY(@ids::uuid[]);

-- name: FeedKeysValid :many
-- Which of these keys are neither revoked nor expired, and act for no agent who has been disabled; and which of these agents, who
-- have signed in without a key, may still do so.
SELECT k.id FROM api_keys k LEFT JOIN agents a ON a.id = k.agent_id
WHERE k.id = ANY(@ids::uuid[]) AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > @now) AND a.disabled_at IS NULL
UNION ALL
SELECT a.id FROM agents a
WHERE a.id = ANY(@ids::uuid[]) AND a.disabled_at IS NULL
  AND EXISTS (SELECT FROM agent_subjects s JOIN sign_ins i ON i.account_id = s.account_id AND i.issuer = s.issuer
    WHERE s.account_id = a.account_id AND s.agent_id = a.id);

-- name: FeedContinue :one
SELECT feed_continue()::boolean;

-- name: FeedBehind :one
SELECT feed_behind()::boolean;

-- name: FeedMoved :one
SELECT feed_moved()::boolean;
