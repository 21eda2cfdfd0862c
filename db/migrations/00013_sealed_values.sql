-- +goose Up

-- Every column that is sealed, but for the answers that are kept for a repeat: the doctor opens them all, and a change of keys seals
-- them anew. place_id is the row that the seal is bound to.
CREATE VIEW sealed_values AS
SELECT 'endpoints' AS place_table, 'secret' AS place_column, account_id, id AS row_id, id AS place_id, secret AS sealed, (deleted_at IS NOT NULL)::boolean AS deleted
FROM endpoints
UNION ALL SELECT 'endpoints', 'vendor_secret', account_id, id, id, vendor_secret, deleted_at IS NOT NULL FROM endpoints
UNION ALL SELECT 'endpoints', 'headers', account_id, id, id, headers, deleted_at IS NOT NULL FROM endpoints
UNION ALL SELECT 'endpoint_secrets', 'secret', account_id, id, endpoint_id, secret, false FROM endpoint_secrets
UNION ALL SELECT 'inboxes', 'access_token', account_id, id, id, access_token, deleted_at IS NOT NULL FROM inboxes
UNION ALL SELECT 'inboxes', 'app_secret', account_id, id, id, app_secret, deleted_at IS NOT NULL FROM inboxes
UNION ALL SELECT 'inboxes', 'verify_token', account_id, id, id, verify_token, deleted_at IS NOT NULL FROM inboxes
UNION ALL SELECT 'erasures', 'subject', account_id, id, id, subject, false FROM erasures;

-- +goose Down
DROP VIEW sealed_values;
