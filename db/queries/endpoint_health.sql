-- name: EndpointNoteSuccess :exec
-- At most one write a second: a busy endpoint would otherwise be one hot row. After a failure of some time the lanes that wait for the
-- endpoint are to be woken; a shorter one is over before its first retry.
UPDATE endpoints SET last_success_at = @succeeded_at::timestamptz, failing_since = NULL, failures = 0, open_until = NULL,
    judged_from = CASE WHEN open_until IS NULL THEN judged_from ELSE @succeeded_at END,
    recovered_at = CASE WHEN failing_since <= @failing_before::timestamptz THEN @succeeded_at ELSE recovered_at END,
    -- Those that were not woken after an earlier recovery, because the endpoint failed once more, are still to be.
    recovered_from = CASE WHEN failing_since <= @failing_before AND recovered_at IS NULL THEN last_success_at ELSE recovered_from END
WHERE id = @id AND (last_success_at IS NULL OR last_success_at < @unless_after::timestamptz OR failing_since IS NOT NULL OR open_until IS NOT NULL);

-- name: EndpointNoteFailure :one
-- The circuit breaker opens where most of the latest attempts failed, and opens again where the one that it let through did. Only the
-- latest hundred are read: on a busy endpoint they say as much as all.
WITH evidence AS (
    SELECT count(*) AS attempts, count(*) FILTER (WHERE NOT recent.healthy) AS failures FROM (
        SELECT a.healthy FROM delivery_attempts a JOIN endpoints j ON j.id = a.endpoint_id
        WHERE a.endpoint_id = @id AND a.started_at >= greatest(@since::timestamptz, j.judged_from) AND a.healthy IS NOT NULL
        ORDER BY a.started_at DESC LIMIT 100) recent)
UPDATE endpoints SET failing_since = coalesce(failing_since, @failed_at::timestamptz), failures = endpoints.failures + 1,
    last_failure_at = @failed_at::timestamptz,
    open_until = CASE WHEN open_until IS NOT NULL OR (evidence.attempts >= @at_least::bigint AND evidence.failures * 100 >= evidence.attempts * @percent::bigint)
        THEN @open_until::timestamptz END
FROM evidence WHERE endpoints.id = @id
RETURNING endpoints.failing_since, endpoints.failures, endpoints.open_until;

-- name: EndpointTakeSlot :one
-- The next place under an endpoint's rate limit, and with it everything behind moves on.
UPDATE endpoints SET slot_at = greatest(slot_at, @now::timestamptz) + interval '1 second' / rate_limit
WHERE id = @id AND rate_limit IS NOT NULL
RETURNING (slot_at - interval '1 second' / rate_limit)::timestamptz AS slot_at;

-- name: DeliverySetSlot :exec
UPDATE deliveries SET slot_at = @slot_at WHERE id = @id;

-- name: EndpointListRecovered :many
-- One that fails again wakes nobody until it has succeeded once more, or somebody says that it is well.
SELECT id, account_id, inbox_id, recovered_at::timestamptz AS recovered_at, recovered_from FROM endpoints
WHERE recovered_at IS NOT NULL AND (failing_since IS NULL OR recovered_at > coalesce(last_failure_at, '-infinity')) AND state = 'enabled';

-- name: DeliveryListWaiting :many
-- The first delivery of each lane that waits for an endpoint that answers again. It is due unless others were taken since its first
-- attempt: then it is not the endpoint that fails. Where all of a lane was passed by, what was tried last stands for it.
WITH heads AS (
    SELECT DISTINCT ON (d.contact_id) d.id, d.contact_id, d.first_attempt_at FROM deliveries d
    WHERE d.inbox_id = @inbox_id AND d.endpoint_id = @endpoint_id AND d.contact_id > @after_contact AND d.state = 'pending'
      AND d.after_id IS NULL AND NOT d.buffered AND d.created_at <= @recovered_at
    ORDER BY d.contact_id, d.bypassed, CASE WHEN d.bypassed THEN d.first_attempt_at END DESC, d.position LIMIT @row_limit)
SELECT heads.id, heads.contact_id::uuid AS contact_id,
    (heads.first_attempt_at IS NULL OR heads.first_attempt_at > coalesce(sqlc.narg('recovered_from')::timestamptz, '-infinity'))::boolean AS due
FROM heads ORDER BY heads.contact_id;

-- name: DeliveryHasten :exec
-- One that somebody has in his hands is being sent, or held.
-- What was passed by in the same lanes is as due as their heads: those behind it went on to fail as well.
UPDATE deliveries SET hastened = true, next_attempt_at = least(next_attempt_at, @now::timestamptz)
WHERE deliveries.id IN (
    SELECT d.id FROM deliveries d
    WHERE d.state = 'pending' AND (d.id = ANY(@ids::uuid[]) OR (d.inbox_id = @inbox_id AND d.contact_id = ANY(@contact_ids::uuid[])
        AND d.endpoint_id = @endpoint_id AND d.bypassed AND NOT d.hastened
        AND d.first_attempt_at > coalesce(sqlc.narg('recovered_from')::timestamptz, '-infinity')))
    ORDER BY d.id FOR UPDATE SKIP LOCKED);

-- name: WakeRaiseContacts :many
-- Their rows are locked in the order that everybody follows.
WITH contacts AS (
    SELECT w.inbox_id, w.contact_id FROM wakes w
    WHERE w.inbox_id = @inbox_id AND w.contact_id = ANY(@contact_ids::uuid[])
    ORDER BY w.inbox_id, w.contact_id
    FOR UPDATE)
UPDATE wakes SET raised = true,
    signals = CASE WHEN raised THEN signals ELSE 0 END,
    next_signal_at = CASE WHEN raised THEN next_signal_at ELSE now() + interval '2 seconds' END
FROM contacts
WHERE wakes.inbox_id = contacts.inbox_id AND wakes.contact_id = contacts.contact_id
RETURNING wakes.account_id, wakes.inbox_id, wakes.contact_id;

-- name: EndpointRecoveryDone :exec
UPDATE endpoints SET recovered_at = NULL WHERE id = @id AND recovered_at = @recovered_at;

-- name: DeliveryListAlone :many
-- Deliveries of no conversation that should have left: each has a workflow of its own, which may not have been started, or is lost.
SELECT id, account_id FROM deliveries
WHERE contact_id IS NULL AND (state = 'pending' OR manual_at IS NOT NULL)
  AND coalesce(manual_at, next_attempt_at) < @due_before::timestamptz
ORDER BY position LIMIT @row_limit;

-- name: EndpointListTold :many
-- Webhook endpoints of an account that may be told of what concerns no conversation.
SELECT * FROM endpoints WHERE account_id = @account_id AND transport = 'webhook' AND state = 'enabled' AND deleted_at IS NULL ORDER BY id;
