-- name: QuickReplyInsert :one
INSERT INTO quick_replies (id, account_id, shortcut, text, inbox_id, team_id, agent_id, created_at, updated_at)
VALUES (@id, @account_id, @shortcut, @text, @inbox_id, @team_id, @agent_id, @created_at, @created_at)
RETURNING *;

-- name: QuickReplyUpdate :one
UPDATE quick_replies SET shortcut = @shortcut, text = @text, inbox_id = @inbox_id, team_id = @team_id, updated_at = @updated_at
WHERE account_id = @account_id AND id = @id RETURNING *;

-- name: QuickReplyDelete :execrows
DELETE FROM quick_replies WHERE account_id = @account_id AND id = @id;

-- name: QuickReplyGet :one
-- An agent sees what is shared, what is shared with a team of theirs, and their own. Without an agent everything is seen.
SELECT * FROM quick_replies r
WHERE r.account_id = @account_id AND r.id = @id
  AND (sqlc.narg('viewer_id')::uuid IS NULL OR r.agent_id = sqlc.narg('viewer_id')
    OR (r.agent_id IS NULL AND (r.team_id IS NULL OR EXISTS (
        SELECT FROM team_members m WHERE m.team_id = r.team_id AND m.agent_id = sqlc.narg('viewer_id')))));

-- name: QuickReplyList :many
SELECT * FROM quick_replies r
WHERE r.account_id = @account_id AND r.id > @after_id
  AND (sqlc.narg('viewer_id')::uuid IS NULL OR r.agent_id = sqlc.narg('viewer_id')
    OR (r.agent_id IS NULL AND (r.team_id IS NULL OR EXISTS (
        SELECT FROM team_members m WHERE m.team_id = r.team_id AND m.agent_id = sqlc.narg('viewer_id')))))
  -- What an agent in this inbox may use: what is bound to another inbox is left out.
  AND (sqlc.narg('inbox_id')::uuid IS NULL OR r.inbox_id IS NULL OR r.inbox_id = sqlc.narg('inbox_id'))
  AND (sqlc.narg('q')::text IS NULL OR r.shortcut ILIKE sqlc.narg('q') OR r.text ILIKE sqlc.narg('q'))
ORDER BY r.id LIMIT @row_limit;

-- name: QuickReplyScope :one
-- Do the inbox and the team that a quick reply names exist?
SELECT (sqlc.narg('inbox_id')::uuid IS NULL OR EXISTS (
        SELECT FROM inboxes i WHERE i.account_id = @account_id AND i.id = sqlc.narg('inbox_id') AND i.deleted_at IS NULL))::boolean AS inbox_known,
    (sqlc.narg('team_id')::uuid IS NULL OR EXISTS (
        SELECT FROM teams t WHERE t.account_id = @account_id AND t.id = sqlc.narg('team_id') AND t.deleted_at IS NULL))::boolean AS team_known;
