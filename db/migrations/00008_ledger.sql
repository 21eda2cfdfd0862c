-- +goose Up

-- What the ledger found missing between what was accepted, what happened and what was sent. The same gap is one row.
CREATE TABLE ledger_gaps (
    id              uuid PRIMARY KEY, -- UUIDv7: by time
    account_id      uuid NOT NULL REFERENCES accounts,
    kind            text NOT NULL CONSTRAINT ledger_gaps_kind_not_empty CHECK (kind <> ''),
    subject         text NOT NULL, -- what is missing, of its kind
    inbox_id        uuid NOT NULL,
    contact_id      uuid,
    conversation_id uuid,
    seq             bigint, -- of the event that is missing, or that was expected
    event_id        uuid,
    message_id      uuid,
    endpoint_id     uuid,
    delivery_id     uuid,
    found_at        timestamptz NOT NULL,
    repaired_at     timestamptz, -- NULL while it is open
    note            text NOT NULL DEFAULT '', -- what was done, or is to be done
    UNIQUE (kind, subject)
);
CREATE INDEX ledger_gaps_account_idx ON ledger_gaps (account_id, id DESC);
CREATE INDEX ledger_gaps_open_idx ON ledger_gaps (id) WHERE repaired_at IS NULL;
CREATE INDEX ledger_gaps_repaired_idx ON ledger_gaps (repaired_at) WHERE repaired_at IS NOT NULL;

-- How far the ledger has looked: every event once, when things have become quiet around it.
CREATE TABLE ledger_marks (
    name      text PRIMARY KEY,
    through   uuid NOT NULL, -- id of the last event that was looked at: ids are by time
    looked_at timestamptz NOT NULL
);

-- +goose Down
DROP TABLE ledger_marks, ledger_gaps;
