-- +goose Up

CREATE TABLE accounts (
    id         uuid PRIMARY KEY,
    name       text NOT NULL CONSTRAINT accounts_name_not_empty CHECK (name <> ''),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE inboxes (
    id                uuid PRIMARY KEY,
    account_id        uuid NOT NULL REFERENCES accounts,
    name              text NOT NULL CONSTRAINT inboxes_name_not_empty CHECK (name <> ''),
    protocol          text NOT NULL CONSTRAINT inboxes_protocol_known CHECK (protocol IN ('hitlchat', 'chatlayer', 'aksita', 'kapso', 'passthrough', 'native')),
    waba_id           text NOT NULL DEFAULT '',
    phone_number_id   text NOT NULL DEFAULT '',
    display_phone_number text NOT NULL DEFAULT '', -- as Meta shows it; learned when the inbox is saved
    access_token      bytea, -- sealed: of Meta, or of Chatlayer
    app_secret        bytea, -- sealed: Meta signs its webhooks with it
    verify_token      bytea, -- sealed: hub.verify_token of Meta, challenge.verifyToken of Chatlayer
    bot_id            text NOT NULL DEFAULT '', -- of Chatlayer
    bot_version       text NOT NULL DEFAULT 'LIVE' CONSTRAINT inboxes_bot_version_known CHECK (bot_version IN ('LIVE', 'DRAFT')),
    api_url           text NOT NULL DEFAULT '', -- base address of Chatlayer's API
    resume_call       json,  -- template of the call that resumes Chatlayer's bot; NULL for none
    time_zone         text NOT NULL DEFAULT 'UTC',
    accepting         boolean NOT NULL DEFAULT true, -- false: every offload is refused
    hours             jsonb,   -- when offloads are accepted; NULL for always
    queue_limit       integer CONSTRAINT inboxes_queue_limit_positive CHECK (queue_limit > 0), -- offloads are refused while as many wait
    inactivity        interval NOT NULL DEFAULT '24 hours',
    resolved_status   text NOT NULL DEFAULT 'Resolved by Human',
    inactivity_status text NOT NULL DEFAULT 'Closed by Inactivity',
    notify_inactivity boolean NOT NULL DEFAULT true,  -- is conversation_resolved sent for an end by inactivity?
    callback_data     boolean NOT NULL DEFAULT false, -- is biz_opaque_callback_data put into every meta_payload?
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    deleted_at        timestamptz,
    UNIQUE (account_id, id)
);
-- A body names its inbox by these two ids alone, so two live inboxes may not share them.
CREATE UNIQUE INDEX inboxes_route_key ON inboxes (account_id, waba_id, phone_number_id)
    WHERE deleted_at IS NULL AND phone_number_id <> '';

CREATE TABLE endpoints (
    id              uuid PRIMARY KEY,
    account_id      uuid NOT NULL,
    inbox_id        uuid NOT NULL,
    url             text NOT NULL,
    transport       text NOT NULL DEFAULT 'webhook' CONSTRAINT endpoints_transport_known CHECK (transport IN ('webhook', 'graph', 'chatlayer')),
    secret          bytea, -- sealed; webhooks are signed with it
    vendor_secret   bytea, -- sealed: of the vendor's own signature header
    payload         text NOT NULL DEFAULT 'events' CONSTRAINT endpoints_payload_known CHECK (payload IN ('events', 'meta')),
    payload_version text NOT NULL DEFAULT 'v2' CONSTRAINT endpoints_payload_version_known CHECK (payload_version IN ('v1', 'v2')),
    retry           text NOT NULL DEFAULT 'durable' CONSTRAINT endpoints_retry_known CHECK (retry IN ('durable', 'none')),
    buffer_seconds  integer, -- how long buffer_events wait for more of their conversation; NULL for no buffer
    buffer_size     integer,  -- at most so many are sent together
    buffer_events   text[] NOT NULL DEFAULT '{}',
    inactivity_minutes integer, -- conversation.inactive is told after this silence; NULL for never
    paused_until    timestamptz, -- its vendor asked for a pause
    event_types     text[] NOT NULL,
    headers         bytea, -- sealed JSON: their values are often credentials
    state           text NOT NULL DEFAULT 'enabled' CONSTRAINT endpoints_state_known CHECK (state IN ('enabled', 'disabled')),
    disabled_reason text,
    last_success_at timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    deleted_at      timestamptz,
    FOREIGN KEY (account_id, inbox_id) REFERENCES inboxes (account_id, id),
    UNIQUE (account_id, id),
    CONSTRAINT endpoints_webhooks_signed CHECK (transport <> 'webhook' OR secret IS NOT NULL)
);
CREATE INDEX endpoints_inbox_id_idx ON endpoints (inbox_id) WHERE deleted_at IS NULL;
-- Agents' messages take one way out.
CREATE UNIQUE INDEX endpoints_transport_key ON endpoints (inbox_id, transport) WHERE transport <> 'webhook' AND deleted_at IS NULL;

CREATE TABLE agents (
    id          uuid PRIMARY KEY,
    account_id  uuid NOT NULL REFERENCES accounts,
    name        text NOT NULL CONSTRAINT agents_name_not_empty CHECK (name <> ''),
    email       text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    UNIQUE (account_id, id)
);

CREATE TABLE api_keys (
    id           uuid PRIMARY KEY,
    account_id   uuid NOT NULL REFERENCES accounts,
    name         text NOT NULL,
    scope        text NOT NULL CONSTRAINT api_keys_scope_known CHECK (scope IN ('gateway', 'agent', 'admin')),
    prefix       text NOT NULL UNIQUE, -- the public part, by which a key is found
    hash         bytea NOT NULL,       -- SHA-256 of the whole key: it has 256 random bits, so a slow hash would add nothing
    inbox_id     uuid,
    agent_id     uuid,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    FOREIGN KEY (account_id, inbox_id) REFERENCES inboxes (account_id, id),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id),
    CONSTRAINT api_keys_agent_named CHECK ((scope = 'agent') = (agent_id IS NOT NULL))
);

CREATE TABLE contacts (
    id         uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts,
    name       text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, id)
);

CREATE TABLE contact_identities (
    account_id uuid NOT NULL,
    kind       text NOT NULL CONSTRAINT contact_identities_kind_known CHECK (kind IN ('bsuid', 'phone', 'username', 'session')),
    value      text NOT NULL CONSTRAINT contact_identities_value_not_empty CHECK (value <> ''),
    contact_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, kind, value),
    FOREIGN KEY (account_id, contact_id) REFERENCES contacts (account_id, id)
);
CREATE INDEX contact_identities_contact_id_idx ON contact_identities (contact_id);

-- One row per contact and inbox. It is locked before anything of that contact is written: it numbers what is accepted, and its
-- flag says that the workflow has something to apply.
CREATE TABLE wakes (
    inbox_id        uuid NOT NULL,
    contact_id      uuid NOT NULL,
    account_id      uuid NOT NULL,
    last_intake     bigint NOT NULL DEFAULT 0,
    last_inbound_at timestamptz, -- the contact's last message: the 24-hour service window counts from here
    session         text, -- the id under which the contact is known here: it may have others in other inboxes
    media_pending   integer NOT NULL DEFAULT 0, -- files of the contact's that are still to be fetched
    raised          boolean NOT NULL DEFAULT false,
    signals         integer NOT NULL DEFAULT 0, -- sent since the flag was raised
    next_signal_at  timestamptz,                -- when the sweep signals (again), if the flag is still up
    PRIMARY KEY (inbox_id, contact_id),
    FOREIGN KEY (account_id, inbox_id) REFERENCES inboxes (account_id, id),
    FOREIGN KEY (account_id, contact_id) REFERENCES contacts (account_id, id)
) WITH (fillfactor = 70); -- updated several times per message: room for updates in the same page
CREATE INDEX wakes_raised_idx ON wakes (next_signal_at) WHERE raised;

CREATE TABLE conversations (
    id                uuid PRIMARY KEY,
    account_id        uuid NOT NULL,
    inbox_id          uuid NOT NULL,
    contact_id        uuid NOT NULL,
    status            text NOT NULL CONSTRAINT conversations_status_known CHECK (status IN ('bot', 'waiting', 'assigned', 'snoozed', 'ended')),
    end_reason        text CONSTRAINT conversations_end_reason_known CHECK (end_reason IN ('resolved', 'inactivity', 'gateway', 'admin')),
    assignee_id       uuid,
    version           bigint NOT NULL DEFAULT 1, -- grows with every write of the workflow
    last_seq          bigint NOT NULL DEFAULT 0, -- of the last event
    unread_count      integer NOT NULL DEFAULT 0,
    last_message_id   uuid,
    window_expires_at timestamptz,
    opened_at         timestamptz NOT NULL,
    last_activity_at  timestamptz NOT NULL,
    inactive_at       timestamptz, -- when inactivity ends it; NULL once it has ended
    notice_at         timestamptz, -- when an endpoint is to be told of the silence; NULL where none asks for it
    source            text CONSTRAINT conversations_source_known CHECK (source IN ('gateway', 'meta')), -- who passed control; NULL: a message opened it
    offload           json,        -- {reason?, payload?} of the latest offload
    windowed          boolean NOT NULL DEFAULT true, -- does WhatsApp's 24-hour service window limit replies?
    ended_at          timestamptz,
    disposition       text,
    FOREIGN KEY (account_id, inbox_id) REFERENCES inboxes (account_id, id),
    FOREIGN KEY (account_id, contact_id) REFERENCES contacts (account_id, id),
    FOREIGN KEY (account_id, assignee_id) REFERENCES agents (account_id, id),
    UNIQUE (account_id, id),
    CONSTRAINT conversations_assigned_has_assignee CHECK (status <> 'assigned' OR assignee_id IS NOT NULL),
    CONSTRAINT conversations_ended_has_reason CHECK ((status = 'ended') = (end_reason IS NOT NULL AND ended_at IS NOT NULL))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX conversations_one_open_key ON conversations (inbox_id, contact_id) WHERE status <> 'ended';
CREATE INDEX conversations_list_idx ON conversations (account_id, last_activity_at DESC, id DESC);
CREATE INDEX conversations_status_idx ON conversations (account_id, status, last_activity_at DESC, id DESC);
CREATE INDEX conversations_contact_idx ON conversations (contact_id);
CREATE INDEX conversations_inactive_idx ON conversations (inactive_at) WHERE status <> 'ended';

CREATE TABLE receipts (
    id          uuid PRIMARY KEY,
    account_id  uuid NOT NULL REFERENCES accounts,
    inbox_id    uuid, -- set where the bytes were forwarded: they are forwarded once
    protocol    text NOT NULL,
    body        bytea NOT NULL, -- the bytes as they came: jsonb cannot hold all that JSON allows
    sha256      bytea NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX receipts_forwarded_key ON receipts (inbox_id, sha256) WHERE inbox_id IS NOT NULL;

-- Files of messages. Their bytes are in the blob store.
CREATE TABLE media (
    id             uuid PRIMARY KEY,
    account_id     uuid NOT NULL REFERENCES accounts,
    inbox_id       uuid,
    contact_id     uuid, -- whose message brought it; NULL for an agent's upload
    external_id    text, -- the vendor's id of it
    source_url     text, -- where it is fetched, for vendors that give addresses
    kind           text NOT NULL, -- type of its message: image, audio, …
    state          text NOT NULL CONSTRAINT media_state_known CHECK (state IN ('pending', 'ready', 'failed')),
    declared_type  text,
    mime_type      text, -- as served; set once it is ready
    filename       text,
    sha256         text, -- as the vendor writes it while it is pending, then hex
    size           bigint,
    failure_code   text,
    failure_reason text,
    created_at     timestamptz NOT NULL,
    finished_at    timestamptz,
    FOREIGN KEY (account_id, inbox_id) REFERENCES inboxes (account_id, id),
    FOREIGN KEY (account_id, contact_id) REFERENCES contacts (account_id, id),
    UNIQUE (account_id, id)
);
CREATE INDEX media_pending_idx ON media (inbox_id, contact_id, id) WHERE state = 'pending';

CREATE TABLE messages (
    id              uuid PRIMARY KEY,
    account_id      uuid NOT NULL,
    inbox_id        uuid NOT NULL,
    contact_id      uuid NOT NULL,
    conversation_id uuid, -- NULL until the workflow has applied it, and for what belongs to none
    seq             bigint,
    direction       text NOT NULL CONSTRAINT messages_direction_known CHECK (direction IN ('inbound', 'outbound')),
    author_type     text NOT NULL CONSTRAINT messages_author_known CHECK (author_type IN ('contact', 'bot', 'agent', 'system')),
    author_id       uuid,
    author_name     text,
    type            text NOT NULL,
    text            text,
    content         json NOT NULL DEFAULT '{}', -- json keeps the order of keys, in which it goes out again
    media_id        uuid,
    shadow          boolean NOT NULL DEFAULT false, -- said to the bot, and in no conversation yet
    callback_data   text,   -- the gateway's own biz_opaque_callback_data, which Meta repeats in statuses; NULL where it is our id
    echo_keys       text[], -- by which our own send is known when the vendor reports it as the bot's
    status          text CONSTRAINT messages_status_known
                    CHECK (status IN ('queued', 'delivered_to_gateway', 'sent', 'delivered', 'read', 'played', 'failed', 'uncertain')),
    failure_code    text,
    failure_reason  text,
    external_id     text,
    reply_to        text,
    opens           boolean NOT NULL DEFAULT false, -- may it open a conversation?
    history         jsonb,                          -- prior history, until the message has opened a conversation or has not
    sent_at         timestamptz,                    -- the vendor's time of the message
    created_at      timestamptz NOT NULL,           -- when we accepted it
    applied_at      timestamptz,
    FOREIGN KEY (account_id, inbox_id) REFERENCES inboxes (account_id, id),
    FOREIGN KEY (account_id, contact_id) REFERENCES contacts (account_id, id),
    FOREIGN KEY (account_id, conversation_id) REFERENCES conversations (account_id, id),
    FOREIGN KEY (account_id, media_id) REFERENCES media (account_id, id) DEFERRABLE INITIALLY DEFERRED -- its row comes after the message's
) WITH (fillfactor = 80);
-- Exactly-once effects rest on this: a message that is repeated finds itself.
CREATE UNIQUE INDEX messages_external_id_key ON messages (inbox_id, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX messages_conversation_seq_key ON messages (conversation_id, seq);
CREATE INDEX messages_callback_data_idx ON messages (inbox_id, callback_data) WHERE callback_data IS NOT NULL;
CREATE INDEX messages_shadow_idx ON messages (inbox_id, contact_id, created_at) WHERE shadow;
CREATE INDEX messages_echo_idx ON messages (inbox_id, contact_id, created_at) WHERE echo_keys IS NOT NULL;
CREATE INDEX messages_media_id_idx ON messages (media_id) WHERE media_id IS NOT NULL;

-- What became of each element of an accepted body; unapplied rows are what the workflow has still to do.
CREATE TABLE receipt_items (
    receipt_id  uuid NOT NULL REFERENCES receipts,
    n           integer NOT NULL, -- place in the body, from 0
    account_id  uuid NOT NULL,
    kind        text NOT NULL CONSTRAINT receipt_items_kind_known CHECK (kind IN ('message', 'status', 'offload', 'end', 'event', 'ignored')),
    location    text NOT NULL,
    inbox_id    uuid,
    contact_id  uuid,
    intake      bigint, -- the contact's number for it; NULL where there is nothing to apply
    external_id text,
    message_id  uuid,
    duplicate   boolean NOT NULL DEFAULT false,
    outcome     text NOT NULL CONSTRAINT receipt_items_outcome_known
                CHECK (outcome IN ('accepted', 'applied', 'duplicate', 'parked', 'recorded', 'forwarded', 'refused', 'ignored')),
    reason      text,
    status      jsonb, -- for a status: {status, at, failure?}
    PRIMARY KEY (receipt_id, n)
);
CREATE UNIQUE INDEX receipt_items_unapplied_idx ON receipt_items (inbox_id, contact_id, intake) WHERE outcome = 'accepted';

-- A status that came before we knew its message: Meta may send it before the gateway has told us the wamid.
CREATE TABLE parked_statuses (
    inbox_id    uuid NOT NULL REFERENCES inboxes,
    external_id text NOT NULL,
    status      text NOT NULL,
    at          timestamptz NOT NULL,
    failure     jsonb,
    parked_at   timestamptz NOT NULL,
    PRIMARY KEY (inbox_id, external_id, status)
);
CREATE INDEX parked_statuses_parked_at_idx ON parked_statuses (parked_at);

CREATE TABLE notes (
    id              uuid PRIMARY KEY,
    account_id      uuid NOT NULL,
    conversation_id uuid NOT NULL,
    agent_id        uuid,
    text            text NOT NULL CONSTRAINT notes_text_not_empty CHECK (text <> ''),
    created_at      timestamptz NOT NULL,
    FOREIGN KEY (account_id, conversation_id) REFERENCES conversations (account_id, id),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id)
);
CREATE INDEX notes_conversation_id_idx ON notes (conversation_id, id);

CREATE TABLE events (
    id              uuid PRIMARY KEY,
    account_id      uuid NOT NULL REFERENCES accounts,
    position        bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- A later position can commit first. Readers stop at the oldest transaction still running, so that they skip nothing.
    txid            xid8 NOT NULL DEFAULT pg_current_xact_id(),
    inbox_id        uuid,
    conversation_id uuid,
    seq             bigint,
    type            text NOT NULL,
    actor_type      text NOT NULL,
    actor_id        uuid,
    message_id      uuid,
    data            jsonb NOT NULL DEFAULT '{}',
    at              timestamptz NOT NULL,
    FOREIGN KEY (account_id, conversation_id) REFERENCES conversations (account_id, id)
);
CREATE INDEX events_account_idx ON events (account_id, txid, position);
CREATE UNIQUE INDEX events_conversation_seq_key ON events (conversation_id, seq);

CREATE TABLE deliveries (
    id               uuid PRIMARY KEY,
    position         bigint NOT NULL GENERATED ALWAYS AS IDENTITY, -- order within a lane: rows of one lane are made under one lock
    account_id       uuid NOT NULL,
    endpoint_id      uuid NOT NULL,
    inbox_id         uuid NOT NULL,
    contact_id       uuid,
    conversation_id  uuid,
    event_id         uuid REFERENCES events,
    message_id       uuid,
    event_type       text NOT NULL, -- as the endpoint sees it
    seq              bigint,        -- of its event in the conversation
    webhook_id       text NOT NULL,
    path             text NOT NULL DEFAULT '', -- of a call to a vendor's API, from its base address
    body             bytea NOT NULL, -- rendered once; every attempt sends these bytes
    headers          jsonb,          -- the vendor's own
    buffered         boolean NOT NULL DEFAULT false, -- waits until next_attempt_at for others to be sent with it
    after_id         uuid,           -- nothing to send: what is behind waits for a delivery of another contact's lane
    state            text NOT NULL CONSTRAINT deliveries_state_known CHECK (state IN ('pending', 'delivered', 'failed', 'held')),
    attempts         integer NOT NULL DEFAULT 0, -- rows in delivery_attempts
    step             integer NOT NULL DEFAULT 0, -- attempts that count against the schedule: manual ones do not
    first_attempt_at timestamptz,
    next_attempt_at  timestamptz,
    manual_at        timestamptz,                -- somebody asked for one more attempt, now
    bypassed         boolean NOT NULL DEFAULT false, -- it held its lane for too long, and later ones now go before it
    after_gap        boolean NOT NULL DEFAULT false, -- an earlier one of its lane was bypassed or failed
    gap_told         boolean NOT NULL DEFAULT false, -- it failed, and a later one of its lane says so
    failure          text,
    created_at       timestamptz NOT NULL,
    finished_at      timestamptz,
    FOREIGN KEY (account_id, endpoint_id) REFERENCES endpoints (account_id, id),
    FOREIGN KEY (account_id, conversation_id) REFERENCES conversations (account_id, id)
) WITH (fillfactor = 80);
CREATE INDEX deliveries_lane_idx ON deliveries (inbox_id, contact_id, endpoint_id, position)
    WHERE state = 'pending' OR manual_at IS NOT NULL;
CREATE INDEX deliveries_after_idx ON deliveries (after_id) WHERE after_id IS NOT NULL;
-- Gaps that nobody has told yet; nearly always empty.
CREATE INDEX deliveries_gap_idx ON deliveries (inbox_id, contact_id, endpoint_id) WHERE state = 'failed' AND NOT gap_told;
CREATE INDEX deliveries_list_idx ON deliveries (account_id, position DESC);
CREATE INDEX deliveries_endpoint_idx ON deliveries (endpoint_id, state, position);
CREATE INDEX deliveries_message_idx ON deliveries (message_id) WHERE message_id IS NOT NULL;

CREATE TABLE delivery_attempts (
    delivery_id      uuid NOT NULL REFERENCES deliveries,
    n                integer NOT NULL, -- from 1; inserted before the request leaves, so that two workers cannot make the same attempt
    trigger          text NOT NULL CONSTRAINT delivery_attempts_trigger_known CHECK (trigger IN ('schedule', 'manual')),
    started_at       timestamptz NOT NULL,
    duration_ms      double precision,
    status           integer,
    error            text, -- NULL with no status: its worker died and the outcome is unknown
    response_excerpt text,
    PRIMARY KEY (delivery_id, n)
);

-- The commands that were carried out, so that the same command, executed again, changes nothing.
CREATE TABLE commands (
    id              text PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversations,
    created_at      timestamptz NOT NULL
);
CREATE INDEX commands_created_at_idx ON commands (created_at);

CREATE TABLE idempotency_keys (
    account_id   uuid NOT NULL REFERENCES accounts,
    route        text NOT NULL, -- method and path, ids included
    key          text NOT NULL,
    request_hash bytea NOT NULL,
    command_id   uuid NOT NULL,
    status       integer, -- of the answer; NULL while the first request is still at work
    body         bytea,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, route, key)
);
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);

-- +goose Down
DROP TABLE idempotency_keys, commands, delivery_attempts, deliveries, events, notes, parked_statuses, receipt_items, messages,
    media, receipts, conversations, wakes, contact_identities, contacts, api_keys, agents, endpoints, inboxes, accounts;
