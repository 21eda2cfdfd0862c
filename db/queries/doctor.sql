-- name: DoctorServer :one
-- What the database server says of itself.
SELECT current_setting('server_version_num')::integer AS version, current_setting('server_version')::text AS version_text,
    current_setting('server_encoding')::text AS encoding, current_setting('max_connections')::integer AS max_connections,
    current_setting('superuser_reserved_connections')::integer AS reserved,
    (SELECT count(*) FROM pg_stat_get_backend_idset())::integer AS connections,
    clock_timestamp()::timestamptz AS at;

-- name: DoctorSecrets :many
-- Every sealed secret that is in use, with its place, in the order of the ids.
SELECT s.place_table, s.place_column, s.account_id, s.row_id, s.place_id, s.sealed FROM sealed_values s
WHERE s.sealed IS NOT NULL AND NOT s.deleted AND (s.row_id, s.place_column) > (@after_id::uuid, @after_column::text)
ORDER BY s.row_id, s.place_column LIMIT @row_limit;

-- name: DoctorEndpoints :many
SELECT sqlc.embed(e), i.protocol, i.resolved_status FROM endpoints e JOIN inboxes i ON i.id = e.inbox_id
WHERE e.deleted_at IS NULL AND e.transport = 'webhook' AND e.state = 'enabled'
  AND (sqlc.narg('id')::uuid IS NULL OR e.id = sqlc.narg('id'))
ORDER BY e.id LIMIT @row_limit;

-- name: DoctorDisabled :many
SELECT e.id, e.disabled_reason FROM endpoints e WHERE e.deleted_at IS NULL AND e.state = 'disabled' ORDER BY e.updated_at DESC LIMIT @row_limit;

-- name: DoctorInboxes :many
SELECT i.account_id, i.id, i.name FROM inboxes i
WHERE i.deleted_at IS NULL AND i.access_token IS NOT NULL AND i.protocol IN ('hitlchat', 'kapso', 'passthrough')
ORDER BY i.id LIMIT @row_limit;
