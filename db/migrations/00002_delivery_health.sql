-- +goose Up
ALTER TABLE endpoints
    ADD COLUMN ordering       text NOT NULL DEFAULT 'strict' CONSTRAINT endpoints_ordering_known CHECK (ordering IN ('strict', 'best_effort')),
    ADD COLUMN rate_limit     integer CONSTRAINT endpoints_rate_limit_range CHECK (rate_limit BETWEEN 1 AND 1000), -- attempts a second; NULL for no limit
    ADD COLUMN max_in_flight  integer NOT NULL DEFAULT 10 CONSTRAINT endpoints_max_in_flight_range CHECK (max_in_flight BETWEEN 1 AND 1000), -- of each worker
    ADD COLUMN failing_since  timestamptz, -- its first failure after its last success; NULL when it last succeeded
    ADD COLUMN failures       integer NOT NULL DEFAULT 0, -- in a row
    ADD COLUMN last_failure_at timestamptz,
    ADD COLUMN open_until     timestamptz, -- the circuit breaker is open until then, and lets one attempt through after that; NULL while it is closed
    ADD COLUMN judged_from    timestamptz, -- attempts that began before are no evidence for the circuit breaker: it was closed after them
    ADD COLUMN recovered_at   timestamptz, -- it succeeded again, and the lanes that wait for it have not been woken yet
    ADD COLUMN recovered_from timestamptz, -- the success before that one
    ADD COLUMN slot_at        timestamptz, -- when the rate limit has its next place free
    ADD COLUMN enables        integer NOT NULL DEFAULT 0, -- requests to enable it, in the minute that began at enables_since
    ADD COLUMN enables_since  timestamptz;
-- Nearly always empty.
CREATE INDEX endpoints_recovered_idx ON endpoints (id) WHERE recovered_at IS NOT NULL;

-- The secrets that an endpoint had before its current one. Webhooks are signed with them too until they expire.
CREATE TABLE endpoint_secrets (
    id          uuid PRIMARY KEY,
    account_id  uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    secret      bytea NOT NULL, -- sealed
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    FOREIGN KEY (account_id, endpoint_id) REFERENCES endpoints (account_id, id)
);
CREATE INDEX endpoint_secrets_endpoint_idx ON endpoint_secrets (endpoint_id, expires_at);
CREATE INDEX endpoint_secrets_expires_at_idx ON endpoint_secrets (expires_at);

ALTER TABLE deliveries
    ADD COLUMN hastened     boolean NOT NULL DEFAULT false, -- its endpoint answers again: it is tried before its time
    ADD COLUMN slot_at      timestamptz,                    -- its place under its endpoint's rate limit
    ADD COLUMN manual_count integer NOT NULL DEFAULT 0;     -- attempts that somebody asked for and that are still to be made
UPDATE deliveries SET manual_count = 1 WHERE manual_at IS NOT NULL;
-- Those of no conversation, which no conversation's workflow sends.
CREATE INDEX deliveries_alone_idx ON deliveries (position) WHERE contact_id IS NULL AND (state = 'pending' OR manual_at IS NOT NULL);

ALTER TABLE delivery_attempts
    ADD COLUMN endpoint_id        uuid,
    ADD COLUMN healthy            boolean, -- what it says of its endpoint; NULL for nothing
    ADD COLUMN error_class        text,    -- why no complete answer came, such as timeout
    ADD COLUMN response_headers   jsonb,   -- those that explain an answer
    ADD COLUMN response_truncated boolean NOT NULL DEFAULT false,
    ADD COLUMN remote_ip          text,    -- for operators only: tenants must not learn internal addresses
    ADD COLUMN next_attempt_at    timestamptz, -- as it was set after this one
    DROP CONSTRAINT delivery_attempts_trigger_known,
    ADD CONSTRAINT delivery_attempts_trigger_known CHECK (trigger IN ('schedule', 'manual', 'recovery'));
UPDATE delivery_attempts a SET endpoint_id = d.endpoint_id FROM deliveries d WHERE d.id = a.delivery_id;
ALTER TABLE delivery_attempts ALTER COLUMN endpoint_id SET NOT NULL;
CREATE INDEX delivery_attempts_endpoint_idx ON delivery_attempts (endpoint_id, started_at DESC);

-- +goose Down
DROP INDEX delivery_attempts_endpoint_idx, deliveries_alone_idx, endpoints_recovered_idx;
UPDATE delivery_attempts SET trigger = 'schedule' WHERE trigger = 'recovery';
ALTER TABLE delivery_attempts
    DROP CONSTRAINT delivery_attempts_trigger_known,
    ADD CONSTRAINT delivery_attempts_trigger_known CHECK (trigger IN ('schedule', 'manual')),
    DROP COLUMN endpoint_id, DROP COLUMN healthy, DROP COLUMN error_class, DROP COLUMN response_headers, DROP COLUMN response_truncated,
    DROP COLUMN remote_ip, DROP COLUMN next_attempt_at;
ALTER TABLE deliveries DROP COLUMN hastened, DROP COLUMN slot_at, DROP COLUMN manual_count;
DROP TABLE endpoint_secrets;
ALTER TABLE endpoints DROP COLUMN ordering, DROP COLUMN rate_limit, DROP COLUMN max_in_flight, DROP COLUMN failing_since,
    DROP COLUMN failures, DROP COLUMN last_failure_at, DROP COLUMN open_until, DROP COLUMN judged_from, DROP COLUMN recovered_at,
    DROP COLUMN recovered_from, DROP COLUMN slot_at, DROP COLUMN enables, DROP COLUMN enables_since;
