-- name: DeliveryInsert :batchexec
-- The first one after a failure tells of the gap, however much later it comes.
WITH gap AS (
    UPDATE deliveries g SET gap_told = true
    WHERE g.inbox_id = @inbox_id AND g.contact_id = @contact_id AND g.endpoint_id = @endpoint_id
      AND g.state = 'failed' AND NOT g.gap_told
    RETURNING g.id)
INSERT INTO deliveries (id, account_id, endpoint_id, inbox_id, contact_id, conversation_id, event_id, message_id, event_type, seq,
    webhook_id, path, body, headers, state, next_attempt_at, buffered, after_id, failure, finished_at, created_at, after_gap)
VALUES (@id, @account_id, @endpoint_id, @inbox_id, @contact_id, @conversation_id, @event_id, @message_id, @event_type, @seq,
    @webhook_id, @path, @body, @headers, @state, @next_attempt_at, @buffered, @after_id, @failure, @finished_at, @created_at,
    EXISTS (SELECT FROM gap));

-- name: LaneList :many
-- The lanes of a contact that have something to send.
SELECT d.endpoint_id, e.url, count(*) AS pending, max(d.position)::bigint AS last_position,
    (bool_or(d.manual_at IS NOT NULL OR d.hastened) OR coalesce((
        -- What is held back for a batch goes when the batch is full, or when something stands behind it.
        (array_agg(d.buffered ORDER BY d.position) FILTER (WHERE NOT d.bypassed))[1]
        AND (bool_or(NOT d.buffered) FILTER (WHERE NOT d.bypassed) OR count(DISTINCT d.event_type) FILTER (WHERE NOT d.bypassed) > 1
            OR count(*) FILTER (WHERE NOT d.bypassed) >= max(coalesce(e.buffer_size, 1)))), false)
        -- What is new does not wait until those are due that were passed by.
        OR coalesce(bool_or(d.bypassed)
            AND (array_agg(d.attempts = 0 AND NOT d.buffered ORDER BY d.position) FILTER (WHERE NOT d.bypassed))[1], false))::boolean AS urgent,
    coalesce((array_agg(d.failure ORDER BY d.position))[1], '')::text AS failure,
    (array_agg(d.attempts ORDER BY d.position))[1]::integer AS attempts,
    (array_agg(d.state = 'pending' ORDER BY d.position))[1]::boolean AS scheduled,
    -- The epoch stands for never.
    coalesce((array_agg(d.first_attempt_at ORDER BY d.position))[1], 'epoch'::timestamptz)::timestamptz AS first_attempt_at,
    coalesce((array_agg(d.next_attempt_at ORDER BY d.position))[1], 'epoch'::timestamptz)::timestamptz AS next_attempt_at
FROM deliveries d JOIN endpoints e ON e.id = d.endpoint_id
WHERE d.inbox_id = @inbox_id AND d.contact_id = @contact_id AND (d.state = 'pending' OR d.manual_at IS NOT NULL)
GROUP BY d.endpoint_id, e.url ORDER BY d.endpoint_id;

-- name: LaneNext :many
-- What a lane sends next: what somebody asked for, then bypassed ones that are due, then the rest in order; bypassed ones that are not due
-- come last. Of the bypassed ones the next one comes first, or the first would keep the others from ever being tried.
SELECT * FROM deliveries
WHERE inbox_id = @inbox_id AND contact_id = @contact_id AND endpoint_id = @endpoint_id
  AND (state = 'pending' OR manual_at IS NOT NULL)
ORDER BY (manual_at IS NULL), coalesce(bypassed AND next_attempt_at > @now::timestamptz, false),
    CASE WHEN bypassed THEN next_attempt_at END, position
LIMIT @row_limit;

-- name: DeliveryGet :one
SELECT * FROM deliveries WHERE account_id = @account_id AND id = @id;

-- name: DeliveryEndpoint :one
-- old_secrets are those before the current one that webhooks are still signed with, the newest first.
SELECT sqlc.embed(e), i.protocol, i.access_token,
    ARRAY(SELECT s.secret FROM endpoint_secrets s WHERE s.endpoint_id = e.id AND s.expires_at > @now::timestamptz
          ORDER BY s.created_at DESC)::bytea[] AS old_secrets
FROM endpoints e JOIN inboxes i ON i.id = e.inbox_id WHERE e.id = @id;

-- name: AttemptStart :execrows
-- No row means that another worker has this very attempt in its hands, that the endpoint takes nothing at the moment, or that it is not
-- any more what the lane read. A circuit breaker whose time is over lets one attempt through: the one that moves its end on.
WITH probe AS (
    UPDATE endpoints SET open_until = @probe_until::timestamptz
    WHERE endpoints.id = @endpoint_id AND open_until <= @started_at::timestamptz AND (paused_until IS NULL OR paused_until <= @started_at)
    RETURNING endpoints.id),
attempt AS (
    INSERT INTO delivery_attempts (delivery_id, n, trigger, started_at, endpoint_id)
    SELECT @id, @n, @trigger, @started_at, e.id FROM endpoints e
    WHERE e.id = @endpoint_id AND (e.paused_until IS NULL OR e.paused_until <= @started_at)
      AND (e.open_until IS NULL OR EXISTS (SELECT FROM probe)) AND e.state = 'enabled' AND e.updated_at = @endpoint_updated_at::timestamptz
    ON CONFLICT DO NOTHING RETURNING n)
UPDATE deliveries SET attempts = @n, first_attempt_at = coalesce(first_attempt_at, @started_at), hastened = false, slot_at = NULL
WHERE deliveries.id = @id AND EXISTS (SELECT FROM attempt);

-- name: AttemptFinish :execrows
WITH attempt AS (
    UPDATE delivery_attempts SET duration_ms = @duration_ms, status = @status, error = @error, response_excerpt = @response_excerpt,
        healthy = @healthy, error_class = @error_class, response_headers = @response_headers, response_truncated = @response_truncated,
        remote_ip = @remote_ip, next_attempt_at = @next_attempt_at
    WHERE delivery_id = @id AND n = @n)
UPDATE deliveries SET state = @state, step = @step, next_attempt_at = @next_attempt_at, failure = @failure, finished_at = @finished_at,
    -- Somebody may have asked for another attempt while this one was under way.
    manual_at = CASE WHEN @manual::boolean AND manual_count <= 1 THEN NULL ELSE manual_at END,
    manual_count = CASE WHEN @manual THEN greatest(manual_count - 1, 0) ELSE manual_count END
-- A worker that was taken for dead may finish late: its failure must not undo what a later attempt did. A success is one anyhow.
WHERE id = @id AND (attempts = @n OR @state::text = 'delivered') AND (state <> 'delivered' OR @state::text = 'delivered')
    -- What an operator gave up meanwhile stays so, unless it has arrived after all.
    AND (state <> 'failed' OR @state::text = 'delivered' OR (@manual AND manual_at IS NOT NULL AND @state::text = 'failed'))
    -- What was held meanwhile, because the endpoint was disabled, stays so.
    AND (state <> 'held' OR @state::text <> 'pending');

-- name: DeliveryFail :exec
UPDATE deliveries SET state = 'failed', next_attempt_at = NULL, manual_at = NULL, manual_count = 0, failure = @failure::text, finished_at = @finished_at
WHERE id = @id;

-- name: DeliveryBypass :exec
UPDATE deliveries SET bypassed = true WHERE id = @id;

-- name: DeliveryMarkGap :exec
WITH told AS (
    UPDATE deliveries t SET gap_told = true WHERE t.id = @id AND EXISTS (
        SELECT FROM deliveries n
        WHERE n.inbox_id = @inbox_id AND n.contact_id = @contact_id AND n.endpoint_id = @endpoint_id
          AND n.state = 'pending' AND NOT n.bypassed AND n.position > @after_position))
UPDATE deliveries SET after_gap = true
WHERE deliveries.id = (
    SELECT d.id FROM deliveries d
    WHERE d.inbox_id = @inbox_id AND d.contact_id = @contact_id AND d.endpoint_id = @endpoint_id
      AND d.state = 'pending' AND NOT d.bypassed AND d.position > @after_position
    ORDER BY d.position LIMIT 1);

-- name: DeliveryHold :execrows
-- The share lock waits for somebody who is just enabling the endpoint: what is held after that would stay so. Extra attempts are asked for
-- no more: somebody who replays a day to an endpoint that is gone, or is then disabled, means to send it nothing.
WITH disabled AS (SELECT e.id, e.inbox_id FROM endpoints e WHERE e.id = @endpoint_id AND e.state = 'disabled' FOR SHARE)
UPDATE deliveries SET state = CASE WHEN state = 'pending' THEN 'held' ELSE state END,
    next_attempt_at = CASE WHEN state = 'pending' THEN NULL ELSE next_attempt_at END, manual_at = NULL, manual_count = 0
WHERE deliveries.inbox_id = (SELECT d.inbox_id FROM disabled d) AND deliveries.endpoint_id = @endpoint_id
  AND (deliveries.state = 'pending' OR deliveries.manual_at IS NOT NULL);

-- name: DeliveryHoldLane :execrows
-- What a lane finds of an endpoint that is disabled: it was made, or asked for, while that happened.
WITH disabled AS (SELECT e.id FROM endpoints e WHERE e.id = @endpoint_id AND e.state = 'disabled' FOR SHARE)
UPDATE deliveries SET state = CASE WHEN state = 'pending' THEN 'held' ELSE state END,
    next_attempt_at = CASE WHEN state = 'pending' THEN NULL ELSE next_attempt_at END, manual_at = NULL, manual_count = 0
WHERE deliveries.inbox_id = @inbox_id AND deliveries.contact_id = @contact_id AND deliveries.endpoint_id = (SELECT d.id FROM disabled d)
  AND (deliveries.state = 'pending' OR deliveries.manual_at IS NOT NULL);

-- name: DeliveryRelease :many
-- What was held goes out again when its endpoint is enabled.
UPDATE deliveries SET state = 'pending', next_attempt_at = now() WHERE endpoint_id = @endpoint_id AND state = 'held'
RETURNING inbox_id, contact_id;

-- name: DeliveryRequest :execrows
UPDATE deliveries SET manual_at = now(), manual_count = manual_count + 1 WHERE account_id = @account_id AND id = @id;

-- name: DeliveryOpenForMessage :one
-- Is there another way in which the message may yet arrive, or has arrived?
SELECT count(*) FROM deliveries WHERE message_id = @message_id AND id <> @id AND state IN ('pending', 'delivered', 'held');

-- name: AttemptList :many
SELECT * FROM delivery_attempts WHERE delivery_id = ANY(@delivery_ids::uuid[]) ORDER BY delivery_id, n;

-- name: DeliveryReleaseStray :execrows
-- What was made as held in the very moment in which its endpoint was enabled.
UPDATE deliveries SET state = 'pending', next_attempt_at = now() - interval '1 minute'
WHERE state = 'held' AND endpoint_id IN (SELECT e.id FROM endpoints e WHERE e.state = 'enabled');

-- name: DeliveryDebounce :exec
-- One more for the batch: the others wait for as long again.
UPDATE deliveries SET next_attempt_at = @until
WHERE inbox_id = @inbox_id AND contact_id = @contact_id AND endpoint_id = @endpoint_id AND state = 'pending' AND buffered;

-- name: DeliveryBatch :many
-- What may be sent together, from a held-back one on. A bypassed one stands in nobody's way.
SELECT * FROM deliveries
WHERE inbox_id = @inbox_id AND contact_id = @contact_id AND endpoint_id = @endpoint_id AND state = 'pending'
  AND NOT bypassed AND position >= @from_position
ORDER BY position LIMIT @row_limit FOR UPDATE;

-- name: DeliveryBecomeBatch :exec
-- The first of a batch becomes the batch, and the others are in it.
WITH merged AS (DELETE FROM deliveries WHERE id = ANY(@merged_ids::uuid[]))
UPDATE deliveries SET body = @body, headers = @headers, buffered = false, next_attempt_at = @due_at WHERE deliveries.id = @id;

-- name: DeliveryAwaited :one
-- When the delivery that a lane waits for may be tried next, which is not before those ahead of it in its own lane; no row once nothing
-- is to be waited for. One that is held waits until its endpoint is enabled.
SELECT coalesce((
    SELECT max(h.next_attempt_at) FROM deliveries h
    WHERE h.inbox_id = d.inbox_id AND h.contact_id = d.contact_id AND h.endpoint_id = d.endpoint_id AND h.state = 'pending'
      AND NOT h.bypassed AND h.position <= d.position), now())::timestamptz AS next_attempt_at, d.first_attempt_at
FROM deliveries d WHERE d.id = @id AND d.state IN ('pending', 'held') AND NOT d.bypassed;

-- name: DeliveryAhead :one
-- What stands before the marks of a delivery, in the lanes of the other contacts that its bytes name: each contact's bytes leave in
-- order. Everybody waits for earlier positions only, so nobody waits for himself.
SELECT coalesce(e.next_attempt_at, now())::timestamptz AS next_attempt_at, e.first_attempt_at
FROM deliveries m
JOIN deliveries e ON e.inbox_id = m.inbox_id AND e.contact_id = m.contact_id AND e.endpoint_id = m.endpoint_id
    AND e.position < m.position AND e.state = 'pending' AND NOT e.bypassed
WHERE m.after_id = @id AND m.state = 'pending'
ORDER BY e.position LIMIT 1;

-- name: DeliveryPass :exec
-- A mark that nothing is to be waited for any more has done its work.
DELETE FROM deliveries WHERE id = @id AND after_id IS NOT NULL;

-- name: AttemptUnknown :one
-- Did the worker that made the latest attempt die before it could write down what came of it?
SELECT EXISTS (SELECT FROM delivery_attempts a WHERE a.delivery_id = @id AND a.n = @n AND a.status IS NULL AND a.error IS NULL)::boolean;

-- name: LaneBusy :one
-- Is an attempt of the lane's first delivery under way, or was its worker killed in the middle of it, just now?
SELECT EXISTS (
    SELECT FROM (
        SELECT d.id, d.attempts FROM deliveries d
        WHERE d.inbox_id = @inbox_id AND d.contact_id = @contact_id AND d.endpoint_id = @endpoint_id AND d.state = 'pending'
        ORDER BY d.position LIMIT 1) head
    JOIN delivery_attempts a ON a.delivery_id = head.id AND a.n = head.attempts
    WHERE a.status IS NULL AND a.error IS NULL AND a.started_at > @since)::boolean;
