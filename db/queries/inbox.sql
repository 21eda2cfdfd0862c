-- name: InboxInsert :one
INSERT INTO inboxes (id, account_id, name, protocol, waba_id, phone_number_id, display_phone_number, access_token, app_secret,
    verify_token, bot_id, bot_version, api_url, resume_call, time_zone, accepting, hours, queue_limit, inactivity, resolved_status,
    inactivity_status, notify_inactivity, callback_data)
VALUES (@id, @account_id, @name, @protocol, @waba_id, @phone_number_id, @display_phone_number, @access_token, @app_secret,
    @verify_token, @bot_id, @bot_version, @api_url, @resume_call, @time_zone, @accepting, @hours, @queue_limit, @inactivity, @resolved_status,
    @inactivity_status, @notify_inactivity, @callback_data)
RETURNING *;

-- name: InboxUpdate :one
UPDATE inboxes SET name = @name, protocol = @protocol, waba_id = @waba_id, phone_number_id = @phone_number_id,
    display_phone_number = @display_phone_number, access_token = @access_token, app_secret = @app_secret,
    verify_token = @verify_token, bot_id = @bot_id, bot_version = @bot_version, api_url = @api_url, resume_call = @resume_call,
    time_zone = @time_zone, accepting = @accepting, hours = @hours, queue_limit = @queue_limit,
    inactivity = @inactivity, resolved_status = @resolved_status, inactivity_status = @inactivity_status,
    notify_inactivity = @notify_inactivity, callback_data = @callback_data, updated_at = now()
WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL
RETURNING *;

-- name: InboxGet :one
SELECT * FROM inboxes WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL;

-- name: InboxLock :one
-- For a change of anything but the protocol: two admins take turns, and nobody else waits.
SELECT * FROM inboxes WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL FOR NO KEY UPDATE;

-- name: InboxList :many
SELECT * FROM inboxes WHERE account_id = @account_id AND deleted_at IS NULL AND id > @after_id ORDER BY id LIMIT @row_limit;

-- name: InboxListByProtocol :many
SELECT * FROM inboxes WHERE account_id = @account_id AND protocol = @protocol AND deleted_at IS NULL ORDER BY id LIMIT @row_limit;

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

-- name: ProtocolShare :exec
-- Whoever accepts something does so in the protocol that he reads after this. A lock of the inbox's row would do, and each of many who
-- hold it at once makes PostgreSQL write the list of all.
SELECT pg_advisory_xact_lock_shared(hashtextextended('protocol ' || @account::text, 0));

-- name: ProtocolLock :exec
-- For a change of an inbox's protocol: it waits for whoever accepts something in the old one, and they wait for it.
SELECT pg_advisory_xact_lock(hashtextextended('protocol ' || @account::text, 0));

-- name: InboxGetAny :one
-- Deleted ones too: what was accepted for them is still applied and delivered.
SELECT * FROM inboxes WHERE id = @id;

-- name: InboxGetLive :one
-- Whatever account it is of: its address is all that a vendor's request says.
SELECT * FROM inboxes WHERE id = @id AND deleted_at IS NULL;

-- name: InboxGetForUpdate :one
-- For a change of the protocol.
SELECT * FROM inboxes WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL FOR UPDATE;

-- name: InboxQueueLength :one
-- How many contacts wait for a person: conversations, and offloads that were accepted and not yet applied.
SELECT ((SELECT count(*) FROM conversations c WHERE c.inbox_id = @inbox_id AND c.status = 'waiting')
    + (SELECT count(*) FROM receipt_items i WHERE i.inbox_id = @inbox_id AND i.kind = 'offload' AND i.outcome = 'accepted'))::bigint AS waiting;

-- name: InboxBusy :one
-- What keeps an inbox from changing its protocol: what is on its way in or out. What is held for a deleted endpoint never leaves.
SELECT
    (SELECT count(*) FROM conversations c WHERE c.inbox_id = @inbox_id AND c.status <> 'ended') AS conversations,
    (SELECT count(*) FROM receipt_items i WHERE i.inbox_id = @inbox_id AND i.outcome = 'accepted') AS accepted,
    (SELECT count(*) FROM endpoints e JOIN deliveries d ON d.endpoint_id = e.id
        WHERE e.inbox_id = @inbox_id AND e.deleted_at IS NULL AND d.state IN ('pending', 'held') AND d.after_id IS NULL) AS deliveries;

-- name: InboxSetWork :one
-- How people work on an inbox's conversations. An inbox is made with the defaults of the schema.
UPDATE inboxes SET team_id = @team_id, routing = @routing, replies = @replies, undo_seconds = @undo_seconds, reopen_minutes = @reopen_minutes,
    reopen_to = @reopen_to, holidays = @holidays, first_response_seconds = @first_response_seconds,
    next_response_seconds = @next_response_seconds, warning_seconds = @warning_seconds, response_hours = @response_hours,
    window_warning_minutes = @window_warning_minutes, typing_indicators = @typing_indicators, read_receipts = @read_receipts,
    dispositions = @dispositions, disposition_required = @disposition_required, csat_text = @csat_text, retention_days = @retention_days, updated_at = now()
WHERE id = @id
RETURNING *;
