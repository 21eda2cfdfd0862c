-- +goose Up
-- A team is a queue of agents.
CREATE TABLE teams (
    id             uuid PRIMARY KEY,
    account_id     uuid NOT NULL REFERENCES accounts,
    name           text NOT NULL CONSTRAINT teams_name_not_empty CHECK (name <> ''),
    assignment     text NOT NULL DEFAULT 'manual' CONSTRAINT teams_assignment_known CHECK (assignment IN ('manual', 'round_robin', 'least_loaded')),
    offer_seconds  integer CONSTRAINT teams_offer_seconds_range CHECK (offer_seconds BETWEEN 5 AND 3600), -- how long an agent has to accept; NULL: assigned at once
    silent_seconds integer CONSTRAINT teams_silent_seconds_range CHECK (silent_seconds BETWEEN 10 AND 604800), -- an assignee who leaves the contact unanswered for as long loses the conversation; NULL: never
    when_away      text NOT NULL DEFAULT 'keep' CONSTRAINT teams_when_away_known CHECK (when_away IN ('keep', 'requeue')), -- what happens to the conversations of an agent who is not online
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    deleted_at     timestamptz,
    UNIQUE (account_id, id)
);
CREATE UNIQUE INDEX teams_name_key ON teams (account_id, lower(name)) WHERE deleted_at IS NULL;

CREATE TABLE team_members (
    account_id uuid NOT NULL,
    team_id    uuid NOT NULL,
    agent_id   uuid NOT NULL,
    PRIMARY KEY (team_id, agent_id),
    FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id)
);
CREATE INDEX team_members_agent_idx ON team_members (agent_id);

ALTER TABLE agents
    ADD COLUMN capacity       integer CONSTRAINT agents_capacity_positive CHECK (capacity > 0), -- conversations at once that are assigned automatically; NULL for no limit
    ADD COLUMN skills         text[] NOT NULL DEFAULT '{}',
    ADD COLUMN presence       text NOT NULL DEFAULT 'offline' CONSTRAINT agents_presence_known CHECK (presence IN ('online', 'away', 'offline')),
    ADD COLUMN presence_until timestamptz, -- the lease: past it the agent is offline, whatever presence says
    ADD COLUMN presence_since timestamptz,
    ADD COLUMN assigned_at    timestamptz; -- the latest automatic assignment or offer: round robin goes by it
-- Leases that ran out and have conversations to lose; nearly always empty.
CREATE INDEX agents_presence_idx ON agents (presence_until) WHERE presence <> 'offline';

ALTER TABLE inboxes
    ADD COLUMN team_id                uuid, -- where its conversations queue unless a routing rule says otherwise
    ADD COLUMN routing                jsonb, -- rules that choose team, skills and priority, in order; the first that fits
    ADD COLUMN replies                text NOT NULL DEFAULT 'assignee' CONSTRAINT inboxes_replies_known CHECK (replies IN ('assignee', 'anyone')),
    ADD COLUMN undo_seconds           integer NOT NULL DEFAULT 0 CONSTRAINT inboxes_undo_seconds_range CHECK (undo_seconds BETWEEN 0 AND 60),
    ADD COLUMN reopen_minutes         integer NOT NULL DEFAULT 0 CONSTRAINT inboxes_reopen_minutes_range CHECK (reopen_minutes BETWEEN 0 AND 43200), -- a contact who writes so soon after the end goes on where they were
    ADD COLUMN reopen_to              text NOT NULL DEFAULT 'queue' CONSTRAINT inboxes_reopen_to_known CHECK (reopen_to IN ('queue', 'assignee')),
    ADD COLUMN holidays               text[] NOT NULL DEFAULT '{}', -- days like 2026-12-25, closed in the inbox's time zone
    ADD COLUMN first_response_seconds integer CONSTRAINT inboxes_first_response_positive CHECK (first_response_seconds > 0),
    ADD COLUMN next_response_seconds  integer CONSTRAINT inboxes_next_response_positive CHECK (next_response_seconds > 0),
    ADD COLUMN warning_seconds        integer CONSTRAINT inboxes_warning_positive CHECK (warning_seconds > 0), -- how long before a response is late somebody is warned
    ADD COLUMN response_hours         boolean NOT NULL DEFAULT false, -- responses are timed within the hours only
    ADD COLUMN window_warning_minutes integer CONSTRAINT inboxes_window_warning_range CHECK (window_warning_minutes BETWEEN 1 AND 1440),
    ADD COLUMN typing_indicators      boolean NOT NULL DEFAULT false, -- are they shown to the contact?
    ADD COLUMN read_receipts          boolean NOT NULL DEFAULT false, -- are they sent to the contact?
    ADD COLUMN dispositions           text[] NOT NULL DEFAULT '{}', -- those that resolve takes; empty for any
    ADD COLUMN disposition_required   boolean NOT NULL DEFAULT false,
    ADD COLUMN csat_text              text, -- the survey that follows a resolve, with {{link}}; NULL for none
    ADD CONSTRAINT inboxes_team_fkey FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id);

ALTER TABLE conversations
    ADD COLUMN team_id               uuid,
    ADD COLUMN priority              smallint NOT NULL DEFAULT 1 CONSTRAINT conversations_priority_range CHECK (priority BETWEEN 0 AND 3), -- low, normal, high, urgent
    ADD COLUMN skills                text[] NOT NULL DEFAULT '{}', -- that an agent needs who is to get it automatically
    ADD COLUMN queued_at             timestamptz, -- its place in line, which it keeps when it comes back to the queue
    ADD COLUMN control_since         timestamptz, -- since when whoever holds it does so
    ADD COLUMN control_reason        text,        -- and why
    ADD COLUMN offered_to            uuid,        -- an agent who may accept it
    ADD COLUMN offered_bot           boolean NOT NULL DEFAULT false, -- control is offered to the bot
    ADD COLUMN offer_expires_at      timestamptz,
    ADD COLUMN passed_by             uuid[] NOT NULL DEFAULT '{}', -- agents who declined it, or let their offer expire, since it was queued
    ADD COLUMN snoozed_until         timestamptz, -- NULL for a snooze until the contact writes
    ADD COLUMN awaiting_since        timestamptz, -- the contact's first message, or offload, that nobody has answered
    ADD COLUMN first_responded_at    timestamptz,
    ADD COLUMN response_due_at       timestamptz, -- of the first response, or of the next
    ADD COLUMN response_notice_at    timestamptz, -- when that is told next: before it is late, and when it is; NULL once both are told
    ADD COLUMN silent_at             timestamptz, -- when the assignee has been silent for too long
    ADD COLUMN window_notice_at      timestamptz, -- when the end of the service window is told next: before it and at it; NULL once both are told
    ADD COLUMN resolve_at            timestamptz, -- it is resolved then, unless somebody undoes it
    ADD COLUMN resolve_by            uuid,
    ADD COLUMN scheduled             integer NOT NULL DEFAULT 0, -- scheduled messages that are pending
    ADD COLUMN scheduled_at          timestamptz, -- when the earliest of them is due; NULL where they wait for the contact
    ADD COLUMN tags                  text[] NOT NULL DEFAULT '{}',
    ADD COLUMN attributes            jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN previous_id           uuid,        -- the conversation that it goes on from
    ADD CONSTRAINT conversations_team_fkey FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id),
    ADD CONSTRAINT conversations_offered_fkey FOREIGN KEY (account_id, offered_to) REFERENCES agents (account_id, id),
    ADD CONSTRAINT conversations_previous_fkey FOREIGN KEY (account_id, previous_id) REFERENCES conversations (account_id, id);
UPDATE conversations SET control_since = last_activity_at, queued_at = CASE WHEN status IN ('waiting', 'assigned') THEN opened_at END
WHERE status <> 'ended';
-- When the next of its timers is due, inactivity apart: by it what lost its run is found.
ALTER TABLE conversations ADD COLUMN due_at timestamptz GENERATED ALWAYS AS (
    LEAST(resolve_at, scheduled_at, snoozed_until, offer_expires_at, silent_at, response_notice_at, window_notice_at)) STORED;
CREATE INDEX conversations_due_idx ON conversations (due_at) WHERE status <> 'ended' AND due_at IS NOT NULL;
-- The line of a team, and of what has none.
CREATE INDEX conversations_queue_idx ON conversations (account_id, team_id, priority DESC, queued_at, id) WHERE status = 'waiting';
-- What agents hold or are offered: their load.
CREATE INDEX conversations_assignee_idx ON conversations (assignee_id) WHERE status IN ('assigned', 'snoozed');
CREATE INDEX conversations_offered_idx ON conversations (offered_to) WHERE offered_to IS NOT NULL;

-- A message that leaves when the contact writes again, or else a template that leaves at a set time. Their contents are messages
-- that have not been sent yet.
CREATE TABLE scheduled_messages (
    id              uuid PRIMARY KEY,
    account_id      uuid NOT NULL,
    inbox_id        uuid NOT NULL,
    contact_id      uuid NOT NULL,
    conversation_id uuid NOT NULL,
    agent_id        uuid NOT NULL,
    message_id      uuid REFERENCES messages, -- leaves when the contact writes; NULL where only the time counts
    otherwise_id    uuid REFERENCES messages, -- leaves at due_at, if the other has not
    due_at          timestamptz, -- NULL: it waits for the contact
    state           text NOT NULL DEFAULT 'pending' CONSTRAINT scheduled_messages_state_known CHECK (state IN ('pending', 'sent', 'cancelled', 'failed')),
    sent_id         uuid, -- which of the two left
    reason          text, -- why it failed or was cancelled
    created_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    FOREIGN KEY (account_id, conversation_id) REFERENCES conversations (account_id, id),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id),
    UNIQUE (account_id, id)
);
CREATE INDEX scheduled_messages_conversation_idx ON scheduled_messages (conversation_id, id);

ALTER TABLE messages ADD COLUMN retry_of uuid REFERENCES messages; -- the failed message that this one repeats

-- +goose Down
ALTER TABLE messages DROP COLUMN retry_of;
DROP TABLE scheduled_messages;
UPDATE conversations SET status = 'waiting' WHERE status = 'snoozed' OR status = 'bot';
DROP INDEX conversations_queue_idx, conversations_assignee_idx, conversations_offered_idx;
ALTER TABLE conversations DROP COLUMN due_at;
ALTER TABLE conversations
    DROP COLUMN team_id, DROP COLUMN priority, DROP COLUMN skills, DROP COLUMN queued_at, DROP COLUMN control_since, DROP COLUMN control_reason,
    DROP COLUMN offered_to, DROP COLUMN offered_bot, DROP COLUMN offer_expires_at, DROP COLUMN passed_by, DROP COLUMN snoozed_until,
    DROP COLUMN awaiting_since, DROP COLUMN first_responded_at, DROP COLUMN response_due_at, DROP COLUMN response_notice_at, DROP COLUMN silent_at,
    DROP COLUMN window_notice_at, DROP COLUMN resolve_at, DROP COLUMN resolve_by, DROP COLUMN scheduled, DROP COLUMN scheduled_at,
    DROP COLUMN tags, DROP COLUMN attributes, DROP COLUMN previous_id;
ALTER TABLE inboxes
    DROP COLUMN team_id, DROP COLUMN routing, DROP COLUMN replies, DROP COLUMN undo_seconds, DROP COLUMN reopen_minutes, DROP COLUMN reopen_to,
    DROP COLUMN holidays, DROP COLUMN first_response_seconds, DROP COLUMN next_response_seconds, DROP COLUMN warning_seconds,
    DROP COLUMN response_hours, DROP COLUMN window_warning_minutes, DROP COLUMN typing_indicators, DROP COLUMN read_receipts,
    DROP COLUMN dispositions, DROP COLUMN disposition_required, DROP COLUMN csat_text;
DROP INDEX agents_presence_idx;
ALTER TABLE agents DROP COLUMN capacity, DROP COLUMN skills, DROP COLUMN presence, DROP COLUMN presence_until, DROP COLUMN presence_since,
    DROP COLUMN assigned_at;
DROP TABLE team_members, teams;
