-- name: ResealSecrets :many
-- What is sealed under another key than the one whose prefix is given, with its place, in the order of the ids. Deleted rows too: they
-- keep a key from being dropped.
SELECT s.place_table, s.place_column, s.account_id, s.row_id, s.place_id, s.sealed FROM sealed_values s
WHERE s.sealed IS NOT NULL AND substring(s.sealed FROM 1 FOR 5) <> @current_prefix::bytea
  AND (s.row_id, s.place_column) > (@after_id::uuid, @after_column::text)
ORDER BY s.row_id, s.place_column LIMIT @row_limit;

-- name: ResealAnswers :many
-- The same of answers that are kept for a repeat: days of POSTs, read in the order of their primary key.
SELECT k.account_id, k.route, k.key, k.command_id, k.body FROM idempotency_keys k
WHERE k.body IS NOT NULL AND substring(k.body FROM 1 FOR 5) <> @current_prefix::bytea
  AND (k.account_id, k.route, k.key) > (@after_account::uuid, @after_route::text, @after_key::text)
ORDER BY k.account_id, k.route, k.key LIMIT @row_limit;

-- name: ResealCount :many
-- How much is sealed under each key, by its prefix.
SELECT substring(s.sealed FROM 1 FOR 5)::bytea AS prefix, count(*) AS sealed
FROM (SELECT v.sealed FROM sealed_values v UNION ALL SELECT k.body FROM idempotency_keys k) s
WHERE s.sealed IS NOT NULL GROUP BY 1 ORDER BY 1;

-- name: ResealEndpoint :execrows
-- Each of these writes only over what was read: who saves a new secret meanwhile wins.
UPDATE endpoints SET
    secret = CASE WHEN @place_column::text = 'secret' THEN @resealed::bytea ELSE secret END,
    vendor_secret = CASE WHEN @place_column = 'vendor_secret' THEN @resealed ELSE vendor_secret END,
    headers = CASE WHEN @place_column = 'headers' THEN @resealed ELSE headers END
WHERE id = @id AND CASE @place_column WHEN 'secret' THEN secret WHEN 'vendor_secret' THEN vendor_secret WHEN 'headers' THEN headers END = @sealed::bytea;

-- name: ResealInbox :execrows
UPDATE inboxes SET
    access_token = CASE WHEN @place_column::text = 'access_token' THEN @resealed::bytea ELSE access_token END,
    app_secret = CASE WHEN @place_column = 'app_secret' THEN @resealed ELSE app_secret END,
    verify_token = CASE WHEN @place_column = 'verify_token' THEN @resealed ELSE verify_token END
WHERE id = @id AND CASE @place_column WHEN 'access_token' THEN access_token WHEN 'app_secret' THEN app_secret WHEN 'verify_token' THEN verify_token END = @sealed::bytea;

-- name: ResealOldSecret :execrows
UPDATE endpoint_secrets SET secret = @resealed::bytea WHERE id = @id AND secret = @sealed::bytea;

-- name: ResealErasure :execrows
UPDATE erasures SET subject = @resealed::bytea WHERE id = @id AND subject = @sealed::bytea;

-- name: ResealAnswer :execrows
UPDATE idempotency_keys SET body = @resealed::bytea WHERE account_id = @account_id AND route = @route AND key = @key AND body = @sealed::bytea;
