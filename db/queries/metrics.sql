-- What the operator's metrics and an endpoint's health read. The former are of all accounts: they hold no tenant's data but ids of
-- endpoints and counts. None may cost more for a larger backlog or a longer past, because they are read when things are at their worst.

-- name: MetricsBacklog :one
-- An endpoint's deliveries are counted up to count_limit: a million that wait for one endpoint are read in no short time.
SELECT coalesce(sum(p.waiting), 0)::bigint AS pending, coalesce(sum(h.waiting), 0)::bigint AS held
FROM endpoints e
CROSS JOIN LATERAL (SELECT count(*) AS waiting FROM (
    SELECT FROM deliveries d WHERE d.endpoint_id = e.id AND d.state = 'pending' LIMIT @count_limit) counted) p
CROSS JOIN LATERAL (SELECT count(*) AS waiting FROM (
    SELECT FROM deliveries d WHERE d.endpoint_id = e.id AND d.state = 'held' LIMIT @count_limit) counted) h
WHERE e.deleted_at IS NULL;

-- name: MetricsOldest :many
-- The first of each endpoint by position, which the index gives without reading the others: they are made in that order. The oldest of
-- either state stand first.
SELECT e.id AS endpoint_id, oldest.state, oldest.created_at FROM endpoints e
CROSS JOIN LATERAL (
    (SELECT d.state, d.created_at FROM deliveries d
     WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.after_id IS NULL ORDER BY d.position LIMIT 1)
    UNION ALL
    (SELECT d.state, d.created_at FROM deliveries d
     WHERE d.endpoint_id = e.id AND d.state = 'held' AND d.after_id IS NULL ORDER BY d.position LIMIT 1)) oldest
WHERE e.deleted_at IS NULL
ORDER BY row_number() OVER (PARTITION BY oldest.state ORDER BY oldest.created_at) LIMIT @row_limit;

-- name: MetricsSuccess :many
-- Of an endpoint's latest attempts, up to attempt_limit: on a busy one they say as much as all. One that is still under way, or that our
-- own side broke off, says nothing of the endpoint. Those that fail come first.
SELECT e.id AS endpoint_id, recent.attempts, recent.successes FROM endpoints e
CROSS JOIN LATERAL (
    SELECT count(*) AS attempts, count(*) FILTER (WHERE latest.status BETWEEN 200 AND 299) AS successes FROM (
        SELECT a.status FROM delivery_attempts a
        WHERE a.endpoint_id = e.id AND a.started_at >= @since
          AND (a.status IS NOT NULL OR a.error_class NOT IN ('canceled', 'proxy'))
        ORDER BY a.started_at DESC LIMIT @attempt_limit) latest) recent
WHERE e.deleted_at IS NULL AND recent.attempts > 0
ORDER BY recent.successes::float8 / recent.attempts, recent.attempts DESC LIMIT @row_limit;

-- name: MetricsBreakers :many
SELECT id AS endpoint_id, open_until FROM endpoints
WHERE deleted_at IS NULL AND state = 'enabled' AND (open_until IS NOT NULL OR failing_since IS NOT NULL)
ORDER BY open_until DESC NULLS LAST, failing_since LIMIT @row_limit;

-- name: MetricsEndpoints :many
SELECT state, count(*) AS endpoints FROM endpoints WHERE deleted_at IS NULL GROUP BY state;

-- name: MetricsWakes :one
-- next_signal_at of the most overdue: the index has no time at which a flag was raised, and this is what the dispatcher keeps up with.
SELECT count(*) AS raised, coalesce(min(next_signal_at), @now::timestamptz)::timestamptz AS due_at FROM wakes WHERE raised;

-- name: EndpointUndelivered :many
SELECT d.state, count(*) AS waiting, min(d.created_at)::timestamptz AS oldest_at FROM deliveries d
WHERE d.account_id = @account_id AND d.endpoint_id = @endpoint_id AND d.state IN ('pending', 'held') AND d.after_id IS NULL
GROUP BY d.state;

-- name: EndpointAttempts :many
-- By the status's hundreds or the class of error; unknown is one under way, or whose worker died. Of a busy endpoint the latest
-- attempt_limit are counted.
SELECT (CASE WHEN a.status IS NOT NULL THEN (a.status / 100)::text || 'xx' ELSE coalesce(a.error_class, 'unknown') END)::text AS class,
    count(*) AS day, count(*) FILTER (WHERE a.started_at >= @recently::timestamptz) AS recent
FROM (
    SELECT l.status, l.error_class, l.started_at FROM delivery_attempts l JOIN endpoints e ON e.id = l.endpoint_id
    WHERE e.account_id = @account_id AND l.endpoint_id = @endpoint_id AND l.started_at >= @since::timestamptz
    ORDER BY l.started_at DESC LIMIT @attempt_limit) a
GROUP BY 1 ORDER BY 1;

-- name: MetricsConversations :many
-- Only what is open is counted, of each account by its index, and up to count_limit of each status.
SELECT known.status::text AS status, coalesce(sum(counted.n), 0)::bigint AS conversations
FROM unnest(ARRAY['bot', 'waiting', 'assigned', 'snoozed']) AS known (status)
LEFT JOIN accounts a ON true
LEFT JOIN LATERAL (SELECT count(*) AS n FROM (
    SELECT FROM conversations c WHERE c.account_id = a.id AND c.status = known.status LIMIT @count_limit) listed) counted ON true
GROUP BY known.status;

-- name: MetricsWaiting :one
-- Of up to count_limit who wait in each account, the one who has waited longest; now where nobody does.
SELECT coalesce(min(first.queued_at), @now::timestamptz)::timestamptz AS since FROM accounts a
CROSS JOIN LATERAL (
    SELECT c.queued_at FROM conversations c WHERE c.account_id = a.id AND c.status = 'waiting' LIMIT @count_limit) first;
