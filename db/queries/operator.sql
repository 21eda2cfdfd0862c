-- name: DeliveryListStuck :many
-- The first delivery that fails, of each lane of a contact.
SELECT DISTINCT ON (d.endpoint_id) d.* FROM deliveries d
WHERE d.inbox_id = @inbox_id AND d.contact_id = @contact_id AND d.state = 'pending' AND d.attempts > 0 AND d.failure IS NOT NULL
ORDER BY d.endpoint_id, d.position;

-- name: DeliveryGetOfContact :one
SELECT * FROM deliveries WHERE inbox_id = @inbox_id AND contact_id = @contact_id AND id = @id;

-- name: DeliveryGiveUp :execrows
-- One that is through already is left as it is.
UPDATE deliveries SET state = 'failed', next_attempt_at = NULL, manual_at = NULL, manual_count = 0, failure = @failure::text, finished_at = @finished_at
WHERE id = @id AND state IN ('pending', 'held');
