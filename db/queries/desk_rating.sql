-- name: RatingGet :one
SELECT * FROM ratings WHERE account_id = @account_id AND conversation_id = @conversation_id;

-- name: RatingSave :one
INSERT INTO ratings (conversation_id, account_id, inbox_id, agent_id, score, comment, via, given_at, updated_at)
VALUES (@conversation_id, @account_id, @inbox_id, @agent_id, @score, @comment, @via, @given_at, @given_at)
ON CONFLICT (conversation_id) DO UPDATE SET score = excluded.score, comment = excluded.comment, via = excluded.via, updated_at = excluded.updated_at
RETURNING *;

-- name: RatingList :many
SELECT sqlc.embed(r), a.name AS agent_name FROM ratings r LEFT JOIN agents a ON a.id = r.agent_id
WHERE r.account_id = @account_id
  AND (sqlc.narg('inbox_id')::uuid IS NULL OR r.inbox_id = sqlc.narg('inbox_id'))
  AND (sqlc.narg('agent_id')::uuid IS NULL OR r.agent_id = sqlc.narg('agent_id'))
  AND (sqlc.narg('score')::smallint IS NULL OR r.score = sqlc.narg('score'))
  AND (sqlc.narg('since')::timestamptz IS NULL OR r.given_at >= sqlc.narg('since'))
  AND (sqlc.narg('until')::timestamptz IS NULL OR r.given_at < sqlc.narg('until'))
  AND (sqlc.narg('before_at')::timestamptz IS NULL
       OR (r.given_at, r.conversation_id) < (sqlc.narg('before_at')::timestamptz, sqlc.narg('before_id')::uuid))
ORDER BY r.given_at DESC, r.conversation_id DESC LIMIT @row_limit;

-- name: RatingSummary :many
-- How often each agent got each score; without an agent for what nobody had.
SELECT r.agent_id, coalesce(a.name, '')::text AS agent_name, r.score, count(*) AS ratings
FROM ratings r LEFT JOIN agents a ON a.id = r.agent_id
WHERE r.account_id = @account_id
  AND (sqlc.narg('inbox_id')::uuid IS NULL OR r.inbox_id = sqlc.narg('inbox_id'))
  AND (sqlc.narg('since')::timestamptz IS NULL OR r.given_at >= sqlc.narg('since'))
  AND (sqlc.narg('until')::timestamptz IS NULL OR r.given_at < sqlc.narg('until'))
GROUP BY r.agent_id, a.name, r.score ORDER BY a.name, r.agent_id, r.score;

-- name: RatingTarget :one
-- The conversation that a gateway means by a contact: the latest.
SELECT c.id FROM conversations c JOIN contact_identities i ON i.account_id = c.account_id AND i.contact_id = c.contact_id
WHERE c.account_id = @account_id AND c.inbox_id = @inbox_id AND i.kind = @kind AND i.value = ANY(@identity_values::text[])
ORDER BY c.opened_at DESC, c.id DESC LIMIT 1;
