-- name: HistoryEventList :many
-- A conversation's numbered events in their order. Numbers are given under the row's lock: none comes before one that is there.
SELECT * FROM events
WHERE account_id = @account_id AND conversation_id = @conversation_id AND seq > @after_seq AND seq <= @until_seq
  AND (cardinality(@types::text[]) = 0 OR type = ANY(@types::text[]))
ORDER BY seq LIMIT @row_limit;

-- name: HistoryEventListAfterEnd :many
-- What happened after the end, which has no numbers.
SELECT * FROM events
WHERE account_id = @account_id AND conversation_id = @conversation_id AND seq IS NULL AND position > @after_position
  AND (cardinality(@types::text[]) = 0 OR type = ANY(@types::text[]))
ORDER BY position LIMIT @row_limit;

-- name: ExportPage :many
-- The account's next conversations in the order of their ids, which never change, and whether the filters want each of them: so a page
-- costs the same however few are wanted.
SELECT c.id, (
    (sqlc.narg('opened_from')::timestamptz IS NULL OR c.opened_at >= sqlc.narg('opened_from'))
    AND (sqlc.narg('opened_to')::timestamptz IS NULL OR c.opened_at < sqlc.narg('opened_to'))
    AND (sqlc.narg('inbox_id')::uuid IS NULL OR c.inbox_id = sqlc.narg('inbox_id'))
    AND (cardinality(@statuses::text[]) = 0 OR c.status = ANY(@statuses::text[])))::boolean AS wanted
FROM conversations c
WHERE c.account_id = @account_id AND c.id > @after_id
ORDER BY c.id LIMIT @row_limit;
