-- +goose Up
-- The agents whom a note names.
CREATE TABLE mentions (
    account_id uuid NOT NULL,
    note_id    uuid NOT NULL REFERENCES notes,
    agent_id   uuid NOT NULL,
    read_at    timestamptz,
    PRIMARY KEY (agent_id, note_id),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id)
);
CREATE INDEX mentions_note_idx ON mentions (note_id);
CREATE INDEX mentions_unread_idx ON mentions (agent_id, note_id) WHERE read_at IS NULL;

ALTER TABLE contacts
    ADD COLUMN attributes jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN named      boolean NOT NULL DEFAULT false; -- an agent chose the name: what the contact calls itself does not replace it

-- Of which message WhatsApp was told last that it was read.
ALTER TABLE conversations ADD COLUMN read_receipt_for text;
-- Which tags an account uses is read from its latest tagged conversations.
CREATE INDEX conversations_tagged_idx ON conversations (account_id, id DESC) WHERE tags <> '{}';

CREATE TABLE quick_replies (
    id         uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts,
    shortcut   text NOT NULL CONSTRAINT quick_replies_shortcut_not_empty CHECK (shortcut <> ''),
    text       text NOT NULL CONSTRAINT quick_replies_text_not_empty CHECK (text <> ''),
    inbox_id   uuid, -- offered in this inbox only
    team_id    uuid, -- offered to this team only
    agent_id   uuid, -- whose own it is; NULL for one that is shared
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    FOREIGN KEY (account_id, inbox_id) REFERENCES inboxes (account_id, id),
    FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id),
    CONSTRAINT quick_replies_one_scope CHECK (inbox_id IS NULL OR team_id IS NULL)
);
CREATE UNIQUE INDEX quick_replies_shortcut_key ON quick_replies (account_id, lower(shortcut), inbox_id, team_id, agent_id) NULLS NOT DISTINCT;
CREATE INDEX quick_replies_account_idx ON quick_replies (account_id, id);

CREATE TABLE ratings (
    conversation_id uuid PRIMARY KEY,
    account_id      uuid NOT NULL,
    inbox_id        uuid NOT NULL,
    agent_id        uuid, -- who had the conversation
    score           smallint NOT NULL CONSTRAINT ratings_score_range CHECK (score BETWEEN 1 AND 5),
    comment         text NOT NULL DEFAULT '',
    via             text NOT NULL CONSTRAINT ratings_via_known CHECK (via IN ('link', 'gateway')),
    given_at        timestamptz NOT NULL, -- at first
    updated_at      timestamptz NOT NULL,
    FOREIGN KEY (account_id, conversation_id) REFERENCES conversations (account_id, id),
    FOREIGN KEY (account_id, inbox_id) REFERENCES inboxes (account_id, id),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id)
);
CREATE INDEX ratings_account_idx ON ratings (account_id, given_at DESC, conversation_id DESC);

CREATE INDEX messages_retry_of_idx ON messages (retry_of) WHERE retry_of IS NOT NULL;

-- +goose Down
DROP INDEX messages_retry_of_idx;
DROP TABLE ratings, quick_replies;
DROP INDEX conversations_tagged_idx;
ALTER TABLE conversations DROP COLUMN read_receipt_for;
ALTER TABLE contacts DROP COLUMN attributes, DROP COLUMN named;
DROP TABLE mentions;
