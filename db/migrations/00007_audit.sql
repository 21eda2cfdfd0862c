-- +goose Up

-- Who changed what of an account's configuration, and what operators did. It holds names and ids of ours, and no secret and nothing
-- that people wrote.
CREATE TABLE audit_entries (
    id          uuid PRIMARY KEY, -- UUIDv7: by time
    account_id  uuid NOT NULL REFERENCES accounts,
    at          timestamptz NOT NULL,
    actor_type  text NOT NULL CONSTRAINT audit_entries_actor_known CHECK (actor_type IN ('key', 'agent', 'operator', 'system')),
    actor_id    uuid,                     -- of the key or agent
    actor_name  text NOT NULL DEFAULT '', -- of the key or agent then, or what an operator called themselves
    action      text NOT NULL CONSTRAINT audit_entries_action_not_empty CHECK (action <> ''), -- such as create-inbox: the operation's id
    target_type text NOT NULL DEFAULT '', -- such as inbox
    target_id   uuid,
    detail      jsonb NOT NULL DEFAULT '{}', -- names of the fields that changed, a reason; never their values where these are secret
    request_id  text NOT NULL DEFAULT ''
);
CREATE INDEX audit_entries_account_idx ON audit_entries (account_id, id DESC);

-- +goose Down
DROP TABLE audit_entries;
