-- name: AuditInsert :exec
INSERT INTO audit_entries (id, account_id, at, actor_type, actor_id, actor_name, action, target_type, target_id, detail, request_id)
VALUES (@id, @account_id, @at, @actor_type, @actor_id, @actor_name, @action, @target_type, @target_id, @detail, @request_id);

-- name: AuditList :many
SELECT * FROM audit_entries
WHERE account_id = @account_id AND id < @before_id
  AND (sqlc.narg('actor_id')::uuid IS NULL OR actor_id = sqlc.narg('actor_id'))
  AND (sqlc.narg('actor_type')::text IS NULL OR actor_type = sqlc.narg('actor_type'))
  AND (sqlc.narg('action')::text IS NULL OR action = sqlc.narg('action'))
  AND (sqlc.narg('target_type')::text IS NULL OR target_type = sqlc.narg('target_type'))
  AND (sqlc.narg('target_id')::uuid IS NULL OR target_id = sqlc.narg('target_id'))
  AND (sqlc.narg('since')::timestamptz IS NULL OR at >= sqlc.narg('since'))
  AND (sqlc.narg('until')::timestamptz IS NULL OR at < sqlc.narg('until'))
ORDER BY id DESC LIMIT @row_limit;
