-- +goose Up

-- One row per contact that was erased: the proof of it, which holds ids and counts and nothing of the contact's.
CREATE TABLE erasures (
    id           uuid PRIMARY KEY, -- UUIDv7: by time
    account_id   uuid NOT NULL REFERENCES accounts,
    contact_id   uuid NOT NULL, -- gone in the end
    state        text NOT NULL DEFAULT 'running' CONSTRAINT erasures_state_known CHECK (state IN ('running', 'finished')),
    actor_type   text NOT NULL CONSTRAINT erasures_actor_known CHECK (actor_type IN ('key', 'operator')),
    actor_id     uuid,                     -- of the key
    actor_name   text NOT NULL DEFAULT '', -- of the key
    requested_at timestamptz NOT NULL,
    finished_at  timestamptz,
    subject      bytea, -- sealed: the identities by which what names the contact is found; NULL once it is finished
    counts       jsonb NOT NULL DEFAULT '{}', -- what was erased so far, by kind
    certificate  json,  -- the bytes as they were hashed
    sha256       bytea,
    UNIQUE (account_id, contact_id),
    CONSTRAINT erasures_finished_whole CHECK ((state = 'finished') = (finished_at IS NOT NULL AND certificate IS NOT NULL AND subject IS NULL))
);
CREATE INDEX erasures_account_idx ON erasures (account_id, id DESC);
-- Nearly always empty.
CREATE INDEX erasures_running_idx ON erasures (id) WHERE state = 'running';

ALTER TABLE contacts ADD COLUMN erasing_at timestamptz; -- since when nobody is shown it any more
-- Under the lock of this row intake learns that a contact is being erased: what it brings is a new contact's.
ALTER TABLE wakes ADD COLUMN erasing boolean NOT NULL DEFAULT false;
ALTER TABLE inboxes ADD COLUMN retention_days integer
    CONSTRAINT inboxes_retention_days_range CHECK (retention_days BETWEEN 1 AND 36500); -- ended conversations are deleted after so long; NULL for never

-- These two constraints would cost an index each where something is deleted, and what they held is kept by the statements that delete:
-- deliveries go before events, and commands are forgotten after eight days anyhow.
ALTER TABLE deliveries DROP CONSTRAINT deliveries_event_id_fkey;
ALTER TABLE commands DROP CONSTRAINT commands_conversation_id_fkey;

-- +goose Down
DELETE FROM commands c WHERE NOT EXISTS (SELECT FROM conversations v WHERE v.id = c.conversation_id);
ALTER TABLE commands ADD CONSTRAINT commands_conversation_id_fkey FOREIGN KEY (conversation_id) REFERENCES conversations;
UPDATE deliveries d SET event_id = NULL WHERE d.event_id IS NOT NULL AND NOT EXISTS (SELECT FROM events e WHERE e.id = d.event_id);
ALTER TABLE deliveries ADD CONSTRAINT deliveries_event_id_fkey FOREIGN KEY (event_id) REFERENCES events;
ALTER TABLE inboxes DROP COLUMN retention_days;
ALTER TABLE wakes DROP COLUMN erasing;
ALTER TABLE contacts DROP COLUMN erasing_at;
DROP TABLE erasures;
