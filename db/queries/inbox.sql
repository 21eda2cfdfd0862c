-- name: InboxInsert :one
INSERT INTO inboxes (id, account_id, name, protocol, waba_id, phone_number_id, access_token, inactivity, resolved_status,
    inactivity_status, notify_inactivity, callback_data)
VALUES (@id, @account_id, @name, @protocol, @waba_id, @phone_number_id, @access_token, @inactivity, @resolved_status,
    @inactivity_status, @notify_inactivity, @callback_data)
RETURNING *;

-- name: InboxUpdate :one
UPDATE inboxes SET name = @name, waba_id = @waba_id, phone_number_id = @phone_number_id, access_token = @access_token,
    inactivity = @inactivity, resolved_status = @resolved_status, inactivity_status = @inactivity_status,
    notify_inactivity = @notify_inactivity, callback_data = @callback_data, updated_at = now()
WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL
RETURNING *;

-- name: InboxGet :one
SELECT * FROM inboxes WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL;

-- name: InboxList :many
SELECT * FROM inboxes WHERE account_id = @account_id AND deleted_at IS NULL AND id > @after_id ORDER BY id LIMIT @row_limit;

-- name: InboxDelete :execrows
-- An inbox with an open conversation stays: its workflow would have nowhere to deliver to.
UPDATE inboxes SET deleted_at = now()
WHERE inboxes.account_id = @account_id AND inboxes.id = @id AND deleted_at IS NULL
  AND NOT EXISTS (SELECT FROM conversations c WHERE c.inbox_id = inboxes.id AND c.status <> 'ended');

-- name: InboxListByRoute :many
-- What a body names: by number, or by its business account alone for changes that concern no number.
SELECT * FROM inboxes
WHERE account_id = @account_id AND deleted_at IS NULL
  AND (phone_number_id = ANY(@phone_number_ids::text[]) OR waba_id = ANY(@waba_ids::text[]))
ORDER BY id;

-- name: InboxGetAny :one
-- Deleted ones too: what was accepted for them is still applied and delivered.
SELECT * FROM inboxes WHERE id = @id;
