-- name: AuditInsert :exec
INSERT INTO audit_entries (id, account_id, at, actor_type, actor_id, actor_name, action, target_type, target_id, detail, request_id)
VALUES (@id, @account_id, @at, @actor_type, @actor_id, @actor_name, @action, @target_type, @target_id, @detail, @request_id);
