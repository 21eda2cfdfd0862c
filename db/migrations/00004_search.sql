-- +goose Up

-- What can be searched, written by the indexer some time after its source. Nothing refers to it and it refers to nothing, so that
-- the transactions of messages pay nothing for it; it can be built anew at any time.
CREATE TABLE search_documents (
    account_id      uuid NOT NULL,
    kind            text NOT NULL CONSTRAINT search_documents_kind_known CHECK (kind IN ('message', 'note', 'contact')),
    ref_id          uuid NOT NULL, -- of the message, the note or the contact
    inbox_id        uuid NOT NULL, -- a contact has a document in each inbox that knows them
    contact_id      uuid NOT NULL, -- whose data it is
    conversation_id uuid NOT NULL, -- of a contact: the latest in the inbox
    at              timestamptz NOT NULL,
    text            text NOT NULL, -- normalised: see internal/searchindex
    grams           integer[] NOT NULL, -- hashes of the account and of the pieces of the text, by which it is found
    PRIMARY KEY (ref_id, inbox_id)
);
CREATE INDEX search_documents_grams_idx ON search_documents USING gin (grams);
CREATE INDEX search_documents_at_idx ON search_documents (account_id, at DESC, ref_id DESC, inbox_id DESC);
CREATE INDEX search_documents_conversation_idx ON search_documents (conversation_id);
CREATE INDEX search_documents_contact_idx ON search_documents (contact_id);

-- How far each account's events have been indexed. A row is locked by whoever indexes its account. Existing events are indexed too:
-- rows begin before the first of them.
CREATE TABLE search_cursors (
    account_id uuid PRIMARY KEY REFERENCES accounts,
    txid       xid8 NOT NULL DEFAULT '0',
    position   bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE saved_views (
    id         uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts,
    agent_id   uuid, -- whose it is; NULL for the account's
    name       text NOT NULL CONSTRAINT saved_views_name_not_empty CHECK (name <> ''),
    filters    jsonb NOT NULL, -- parameters of the list of conversations
    sort       text NOT NULL CONSTRAINT saved_views_sort_known CHECK (sort IN ('newest', 'oldest', 'queue')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id)
);
CREATE UNIQUE INDEX saved_views_name_key ON saved_views (account_id, coalesce(agent_id, account_id), lower(name));

-- Lists by what few conversations have. They are ordered by activity, so that a page is read and no more. Each costs an entry per
-- message; an index of the unread ones did not pay.
CREATE INDEX conversations_by_inbox_idx ON conversations (inbox_id, last_activity_at DESC, id DESC);
CREATE INDEX conversations_by_assignee_idx ON conversations (assignee_id, last_activity_at DESC, id DESC) WHERE assignee_id IS NOT NULL;
CREATE INDEX conversations_by_team_idx ON conversations (team_id, last_activity_at DESC, id DESC) WHERE team_id IS NOT NULL;
CREATE INDEX conversations_tags_idx ON conversations USING gin (tags) WHERE tags <> '{}';
CREATE INDEX conversations_attributes_idx ON conversations USING gin (attributes jsonb_path_ops) WHERE attributes <> '{}';
CREATE INDEX conversations_ended_idx ON conversations (account_id, ended_at) WHERE ended_at IS NOT NULL;

-- +goose Down
DROP INDEX conversations_by_inbox_idx, conversations_by_assignee_idx, conversations_by_team_idx, conversations_tags_idx,
    conversations_attributes_idx, conversations_ended_idx;
DROP TABLE saved_views, search_cursors, search_documents;
