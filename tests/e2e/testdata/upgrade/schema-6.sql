SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE FUNCTION public.notify_events() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF pg_try_advisory_xact_lock(7526754016282964) THEN
        NOTIFY handoff_events;
    END IF;
    RETURN NULL;
END $$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.accounts (
    id uuid NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT accounts_name_not_empty CHECK ((name <> ''::text))
);
CREATE TABLE public.agents (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text NOT NULL,
    email text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    disabled_at timestamp with time zone,
    capacity integer,
    skills text[] DEFAULT '{}'::text[] NOT NULL,
    presence text DEFAULT 'offline'::text NOT NULL,
    presence_until timestamp with time zone,
    presence_since timestamp with time zone,
    assigned_at timestamp with time zone,
    CONSTRAINT agents_capacity_positive CHECK ((capacity > 0)),
    CONSTRAINT agents_name_not_empty CHECK ((name <> ''::text)),
    CONSTRAINT agents_presence_known CHECK ((presence = ANY (ARRAY['online'::text, 'away'::text, 'offline'::text])))
);
CREATE TABLE public.api_keys (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text NOT NULL,
    scope text NOT NULL,
    prefix text NOT NULL,
    hash bytea NOT NULL,
    inbox_id uuid,
    agent_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    CONSTRAINT api_keys_agent_named CHECK (((scope = 'agent'::text) = (agent_id IS NOT NULL))),
    CONSTRAINT api_keys_scope_known CHECK ((scope = ANY (ARRAY['gateway'::text, 'agent'::text, 'admin'::text])))
);
CREATE TABLE public.commands (
    id text NOT NULL,
    conversation_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.contact_identities (
    account_id uuid NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    contact_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT contact_identities_kind_known CHECK ((kind = ANY (ARRAY['bsuid'::text, 'phone'::text, 'username'::text, 'session'::text]))),
    CONSTRAINT contact_identities_value_not_empty CHECK ((value <> ''::text))
);
CREATE TABLE public.contacts (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    attributes jsonb DEFAULT '{}'::jsonb NOT NULL,
    named boolean DEFAULT false NOT NULL
);
CREATE TABLE public.conversations (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    inbox_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    status text NOT NULL,
    end_reason text,
    assignee_id uuid,
    version bigint DEFAULT 1 NOT NULL,
    last_seq bigint DEFAULT 0 NOT NULL,
    unread_count integer DEFAULT 0 NOT NULL,
    last_message_id uuid,
    window_expires_at timestamp with time zone,
    opened_at timestamp with time zone NOT NULL,
    last_activity_at timestamp with time zone NOT NULL,
    inactive_at timestamp with time zone,
    notice_at timestamp with time zone,
    source text,
    offload json,
    windowed boolean DEFAULT true NOT NULL,
    ended_at timestamp with time zone,
    disposition text,
    team_id uuid,
    priority smallint DEFAULT 1 NOT NULL,
    skills text[] DEFAULT '{}'::text[] NOT NULL,
    queued_at timestamp with time zone,
    control_since timestamp with time zone,
    control_reason text,
    offered_to uuid,
    offered_bot boolean DEFAULT false NOT NULL,
    offer_expires_at timestamp with time zone,
    passed_by uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    snoozed_until timestamp with time zone,
    awaiting_since timestamp with time zone,
    first_responded_at timestamp with time zone,
    response_due_at timestamp with time zone,
    response_notice_at timestamp with time zone,
    silent_at timestamp with time zone,
    window_notice_at timestamp with time zone,
    resolve_at timestamp with time zone,
    resolve_by uuid,
    scheduled integer DEFAULT 0 NOT NULL,
    scheduled_at timestamp with time zone,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    attributes jsonb DEFAULT '{}'::jsonb NOT NULL,
    previous_id uuid,
    due_at timestamp with time zone GENERATED ALWAYS AS (LEAST(resolve_at, scheduled_at, snoozed_until, offer_expires_at, silent_at, response_notice_at, window_notice_at)) STORED,
    read_receipt_for text,
    CONSTRAINT conversations_assigned_has_assignee CHECK (((status <> 'assigned'::text) OR (assignee_id IS NOT NULL))),
    CONSTRAINT conversations_end_reason_known CHECK ((end_reason = ANY (ARRAY['resolved'::text, 'inactivity'::text, 'gateway'::text, 'admin'::text]))),
    CONSTRAINT conversations_ended_has_reason CHECK (((status = 'ended'::text) = ((end_reason IS NOT NULL) AND (ended_at IS NOT NULL)))),
    CONSTRAINT conversations_priority_range CHECK (((priority >= 0) AND (priority <= 3))),
    CONSTRAINT conversations_source_known CHECK ((source = ANY (ARRAY['gateway'::text, 'meta'::text]))),
    CONSTRAINT conversations_status_known CHECK ((status = ANY (ARRAY['bot'::text, 'waiting'::text, 'assigned'::text, 'snoozed'::text, 'ended'::text])))
)
WITH (fillfactor='70');
CREATE TABLE public.deliveries (
    id uuid NOT NULL,
    "position" bigint NOT NULL,
    account_id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    inbox_id uuid NOT NULL,
    contact_id uuid,
    conversation_id uuid,
    event_id uuid,
    message_id uuid,
    event_type text NOT NULL,
    seq bigint,
    webhook_id text NOT NULL,
    path text DEFAULT ''::text NOT NULL,
    body bytea NOT NULL,
    headers jsonb,
    buffered boolean DEFAULT false NOT NULL,
    after_id uuid,
    state text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    step integer DEFAULT 0 NOT NULL,
    first_attempt_at timestamp with time zone,
    next_attempt_at timestamp with time zone,
    manual_at timestamp with time zone,
    bypassed boolean DEFAULT false NOT NULL,
    after_gap boolean DEFAULT false NOT NULL,
    gap_told boolean DEFAULT false NOT NULL,
    failure text,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    hastened boolean DEFAULT false NOT NULL,
    slot_at timestamp with time zone,
    manual_count integer DEFAULT 0 NOT NULL,
    CONSTRAINT deliveries_state_known CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text, 'held'::text])))
)
WITH (fillfactor='80');
ALTER TABLE public.deliveries ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.deliveries_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.delivery_attempts (
    delivery_id uuid NOT NULL,
    n integer NOT NULL,
    trigger text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    duration_ms double precision,
    status integer,
    error text,
    response_excerpt text,
    endpoint_id uuid NOT NULL,
    healthy boolean,
    error_class text,
    response_headers jsonb,
    response_truncated boolean DEFAULT false NOT NULL,
    remote_ip text,
    next_attempt_at timestamp with time zone,
    CONSTRAINT delivery_attempts_trigger_known CHECK ((trigger = ANY (ARRAY['schedule'::text, 'manual'::text, 'recovery'::text])))
);
CREATE TABLE public.endpoint_secrets (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    secret bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.endpoints (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    inbox_id uuid NOT NULL,
    url text NOT NULL,
    transport text DEFAULT 'webhook'::text NOT NULL,
    secret bytea,
    vendor_secret bytea,
    payload text DEFAULT 'events'::text NOT NULL,
    payload_version text DEFAULT 'v2'::text NOT NULL,
    retry text DEFAULT 'durable'::text NOT NULL,
    buffer_seconds integer,
    buffer_size integer,
    buffer_events text[] DEFAULT '{}'::text[] NOT NULL,
    inactivity_minutes integer,
    paused_until timestamp with time zone,
    event_types text[] NOT NULL,
    headers bytea,
    state text DEFAULT 'enabled'::text NOT NULL,
    disabled_reason text,
    last_success_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    ordering text DEFAULT 'strict'::text NOT NULL,
    rate_limit integer,
    max_in_flight integer DEFAULT 10 NOT NULL,
    failing_since timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    last_failure_at timestamp with time zone,
    open_until timestamp with time zone,
    judged_from timestamp with time zone,
    recovered_at timestamp with time zone,
    recovered_from timestamp with time zone,
    slot_at timestamp with time zone,
    enables integer DEFAULT 0 NOT NULL,
    enables_since timestamp with time zone,
    CONSTRAINT endpoints_max_in_flight_range CHECK (((max_in_flight >= 1) AND (max_in_flight <= 1000))),
    CONSTRAINT endpoints_ordering_known CHECK ((ordering = ANY (ARRAY['strict'::text, 'best_effort'::text]))),
    CONSTRAINT endpoints_payload_known CHECK ((payload = ANY (ARRAY['events'::text, 'meta'::text]))),
    CONSTRAINT endpoints_payload_version_known CHECK ((payload_version = ANY (ARRAY['v1'::text, 'v2'::text]))),
    CONSTRAINT endpoints_rate_limit_range CHECK (((rate_limit >= 1) AND (rate_limit <= 1000))),
    CONSTRAINT endpoints_retry_known CHECK ((retry = ANY (ARRAY['durable'::text, 'none'::text]))),
    CONSTRAINT endpoints_state_known CHECK ((state = ANY (ARRAY['enabled'::text, 'disabled'::text]))),
    CONSTRAINT endpoints_transport_known CHECK ((transport = ANY (ARRAY['webhook'::text, 'graph'::text, 'chatlayer'::text]))),
    CONSTRAINT endpoints_webhooks_signed CHECK (((transport <> 'webhook'::text) OR (secret IS NOT NULL)))
);
CREATE TABLE public.events (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    "position" bigint NOT NULL,
    txid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    inbox_id uuid,
    conversation_id uuid,
    seq bigint,
    type text NOT NULL,
    actor_type text NOT NULL,
    actor_id uuid,
    message_id uuid,
    data jsonb DEFAULT '{}'::jsonb NOT NULL,
    at timestamp with time zone NOT NULL
);
ALTER TABLE public.events ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.events_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.goose_db_version (
    id integer NOT NULL,
    version_id bigint NOT NULL,
    is_applied boolean NOT NULL,
    tstamp timestamp without time zone DEFAULT now() NOT NULL
);
ALTER TABLE public.goose_db_version ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.goose_db_version_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.idempotency_keys (
    account_id uuid NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    command_id uuid NOT NULL,
    status integer,
    body bytea,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.inboxes (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text NOT NULL,
    protocol text NOT NULL,
    waba_id text DEFAULT ''::text NOT NULL,
    phone_number_id text DEFAULT ''::text NOT NULL,
    display_phone_number text DEFAULT ''::text NOT NULL,
    access_token bytea,
    app_secret bytea,
    verify_token bytea,
    bot_id text DEFAULT ''::text NOT NULL,
    bot_version text DEFAULT 'LIVE'::text NOT NULL,
    api_url text DEFAULT ''::text NOT NULL,
    resume_call json,
    time_zone text DEFAULT 'UTC'::text NOT NULL,
    accepting boolean DEFAULT true NOT NULL,
    hours jsonb,
    queue_limit integer,
    inactivity interval DEFAULT '24:00:00'::interval NOT NULL,
    resolved_status text DEFAULT 'Resolved by Human'::text NOT NULL,
    inactivity_status text DEFAULT 'Closed by Inactivity'::text NOT NULL,
    notify_inactivity boolean DEFAULT true NOT NULL,
    callback_data boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    team_id uuid,
    routing jsonb,
    replies text DEFAULT 'assignee'::text NOT NULL,
    undo_seconds integer DEFAULT 0 NOT NULL,
    reopen_minutes integer DEFAULT 0 NOT NULL,
    reopen_to text DEFAULT 'queue'::text NOT NULL,
    holidays text[] DEFAULT '{}'::text[] NOT NULL,
    first_response_seconds integer,
    next_response_seconds integer,
    warning_seconds integer,
    response_hours boolean DEFAULT false NOT NULL,
    window_warning_minutes integer,
    typing_indicators boolean DEFAULT false NOT NULL,
    read_receipts boolean DEFAULT false NOT NULL,
    dispositions text[] DEFAULT '{}'::text[] NOT NULL,
    disposition_required boolean DEFAULT false NOT NULL,
    csat_text text,
    CONSTRAINT inboxes_bot_version_known CHECK ((bot_version = ANY (ARRAY['LIVE'::text, 'DRAFT'::text]))),
    CONSTRAINT inboxes_first_response_positive CHECK ((first_response_seconds > 0)),
    CONSTRAINT inboxes_name_not_empty CHECK ((name <> ''::text)),
    CONSTRAINT inboxes_next_response_positive CHECK ((next_response_seconds > 0)),
    CONSTRAINT inboxes_protocol_known CHECK ((protocol = ANY (ARRAY['hitlchat'::text, 'chatlayer'::text, 'aksita'::text, 'kapso'::text, 'passthrough'::text, 'native'::text]))),
    CONSTRAINT inboxes_queue_limit_positive CHECK ((queue_limit > 0)),
    CONSTRAINT inboxes_reopen_minutes_range CHECK (((reopen_minutes >= 0) AND (reopen_minutes <= 43200))),
    CONSTRAINT inboxes_reopen_to_known CHECK ((reopen_to = ANY (ARRAY['queue'::text, 'assignee'::text]))),
    CONSTRAINT inboxes_replies_known CHECK ((replies = ANY (ARRAY['assignee'::text, 'anyone'::text]))),
    CONSTRAINT inboxes_undo_seconds_range CHECK (((undo_seconds >= 0) AND (undo_seconds <= 60))),
    CONSTRAINT inboxes_warning_positive CHECK ((warning_seconds > 0)),
    CONSTRAINT inboxes_window_warning_range CHECK (((window_warning_minutes >= 1) AND (window_warning_minutes <= 1440)))
);
CREATE TABLE public.media (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    inbox_id uuid,
    contact_id uuid,
    external_id text,
    source_url text,
    kind text NOT NULL,
    state text NOT NULL,
    declared_type text,
    mime_type text,
    filename text,
    sha256 text,
    size bigint,
    failure_code text,
    failure_reason text,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT media_state_known CHECK ((state = ANY (ARRAY['pending'::text, 'ready'::text, 'failed'::text])))
);
CREATE TABLE public.mentions (
    account_id uuid NOT NULL,
    note_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    read_at timestamp with time zone
);
CREATE TABLE public.messages (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    inbox_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    conversation_id uuid,
    seq bigint,
    direction text NOT NULL,
    author_type text NOT NULL,
    author_id uuid,
    author_name text,
    type text NOT NULL,
    text text,
    content json DEFAULT '{}'::json NOT NULL,
    media_id uuid,
    shadow boolean DEFAULT false NOT NULL,
    callback_data text,
    echo_keys text[],
    status text,
    failure_code text,
    failure_reason text,
    external_id text,
    reply_to text,
    opens boolean DEFAULT false NOT NULL,
    history jsonb,
    sent_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    applied_at timestamp with time zone,
    retry_of uuid,
    CONSTRAINT messages_author_known CHECK ((author_type = ANY (ARRAY['contact'::text, 'bot'::text, 'agent'::text, 'system'::text]))),
    CONSTRAINT messages_direction_known CHECK ((direction = ANY (ARRAY['inbound'::text, 'outbound'::text]))),
    CONSTRAINT messages_status_known CHECK ((status = ANY (ARRAY['queued'::text, 'delivered_to_gateway'::text, 'sent'::text, 'delivered'::text, 'read'::text, 'played'::text, 'failed'::text, 'uncertain'::text])))
)
WITH (fillfactor='80');
CREATE TABLE public.notes (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    agent_id uuid,
    text text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT notes_text_not_empty CHECK ((text <> ''::text))
);
CREATE TABLE public.parked_statuses (
    inbox_id uuid NOT NULL,
    external_id text NOT NULL,
    status text NOT NULL,
    at timestamp with time zone NOT NULL,
    failure jsonb,
    parked_at timestamp with time zone NOT NULL
);
CREATE TABLE public.quick_replies (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    shortcut text NOT NULL,
    text text NOT NULL,
    inbox_id uuid,
    team_id uuid,
    agent_id uuid,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT quick_replies_one_scope CHECK (((inbox_id IS NULL) OR (team_id IS NULL))),
    CONSTRAINT quick_replies_shortcut_not_empty CHECK ((shortcut <> ''::text)),
    CONSTRAINT quick_replies_text_not_empty CHECK ((text <> ''::text))
);
CREATE TABLE public.ratings (
    conversation_id uuid NOT NULL,
    account_id uuid NOT NULL,
    inbox_id uuid NOT NULL,
    agent_id uuid,
    score smallint NOT NULL,
    comment text DEFAULT ''::text NOT NULL,
    via text NOT NULL,
    given_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT ratings_score_range CHECK (((score >= 1) AND (score <= 5))),
    CONSTRAINT ratings_via_known CHECK ((via = ANY (ARRAY['link'::text, 'gateway'::text])))
);
CREATE TABLE public.receipt_items (
    receipt_id uuid NOT NULL,
    n integer NOT NULL,
    account_id uuid NOT NULL,
    kind text NOT NULL,
    location text NOT NULL,
    inbox_id uuid,
    contact_id uuid,
    intake bigint,
    external_id text,
    message_id uuid,
    duplicate boolean DEFAULT false NOT NULL,
    outcome text NOT NULL,
    reason text,
    status jsonb,
    CONSTRAINT receipt_items_kind_known CHECK ((kind = ANY (ARRAY['message'::text, 'status'::text, 'offload'::text, 'end'::text, 'event'::text, 'ignored'::text]))),
    CONSTRAINT receipt_items_outcome_known CHECK ((outcome = ANY (ARRAY['accepted'::text, 'applied'::text, 'duplicate'::text, 'parked'::text, 'recorded'::text, 'forwarded'::text, 'refused'::text, 'ignored'::text])))
);
CREATE TABLE public.receipts (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    inbox_id uuid,
    protocol text NOT NULL,
    body bytea NOT NULL,
    sha256 bytea NOT NULL,
    received_at timestamp with time zone NOT NULL
);
CREATE TABLE public.saved_views (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    agent_id uuid,
    name text NOT NULL,
    filters jsonb NOT NULL,
    sort text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT saved_views_name_not_empty CHECK ((name <> ''::text)),
    CONSTRAINT saved_views_sort_known CHECK ((sort = ANY (ARRAY['newest'::text, 'oldest'::text, 'queue'::text])))
);
CREATE TABLE public.scheduled_messages (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    inbox_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    message_id uuid,
    otherwise_id uuid,
    due_at timestamp with time zone,
    state text DEFAULT 'pending'::text NOT NULL,
    sent_id uuid,
    reason text,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT scheduled_messages_state_known CHECK ((state = ANY (ARRAY['pending'::text, 'sent'::text, 'cancelled'::text, 'failed'::text])))
);
CREATE TABLE public.search_cursors (
    account_id uuid NOT NULL,
    txid xid8 DEFAULT '0'::xid8 NOT NULL,
    "position" bigint DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.search_documents (
    account_id uuid NOT NULL,
    kind text NOT NULL,
    ref_id uuid NOT NULL,
    inbox_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    text text NOT NULL,
    grams integer[] NOT NULL,
    CONSTRAINT search_documents_kind_known CHECK ((kind = ANY (ARRAY['message'::text, 'note'::text, 'contact'::text])))
);
CREATE TABLE public.team_members (
    account_id uuid NOT NULL,
    team_id uuid NOT NULL,
    agent_id uuid NOT NULL
);
CREATE TABLE public.teams (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text NOT NULL,
    assignment text DEFAULT 'manual'::text NOT NULL,
    offer_seconds integer,
    silent_seconds integer,
    when_away text DEFAULT 'keep'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT teams_assignment_known CHECK ((assignment = ANY (ARRAY['manual'::text, 'round_robin'::text, 'least_loaded'::text]))),
    CONSTRAINT teams_name_not_empty CHECK ((name <> ''::text)),
    CONSTRAINT teams_offer_seconds_range CHECK (((offer_seconds >= 5) AND (offer_seconds <= 3600))),
    CONSTRAINT teams_silent_seconds_range CHECK (((silent_seconds >= 10) AND (silent_seconds <= 604800))),
    CONSTRAINT teams_when_away_known CHECK ((when_away = ANY (ARRAY['keep'::text, 'requeue'::text])))
);
CREATE TABLE public.wakes (
    inbox_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    account_id uuid NOT NULL,
    last_intake bigint DEFAULT 0 NOT NULL,
    last_inbound_at timestamp with time zone,
    session text,
    media_pending integer DEFAULT 0 NOT NULL,
    raised boolean DEFAULT false NOT NULL,
    signals integer DEFAULT 0 NOT NULL,
    next_signal_at timestamp with time zone
)
WITH (fillfactor='70');
INSERT INTO public.accounts VALUES
	('01a20050-0678-75a6-b60c-854e2949911e', 'Demo', '2026-11-21 22:52:54.266361+00');
INSERT INTO public.agents VALUES
	('01a20050-0684-7f42-b48f-8fc92b7bb0ec', '01a20050-0678-75a6-b60c-854e2949911e', 'Ana', NULL, '2026-11-21 22:52:54.277348+00', NULL, NULL, '{}', 'offline', NULL, NULL, NULL);
INSERT INTO public.api_keys VALUES
	('01a20050-06c4-76fa-8569-e8c7c3a86724', '01a20050-0678-75a6-b60c-854e2949911e', 'demo gateway', 'gateway', 'hk_GNr2qXvKLw1W', '\xfc4a2e8d972054e67f3b9a6ee5f06cf4374e86ddf6c8e46604e305092b474ecd', NULL, NULL, '2026-11-21 22:52:54.340662+00', NULL, NULL, '2026-11-21 22:53:36.454172+00'),
	('01a20050-06af-7ea3-b65b-b43e3093ebbc', '01a20050-0678-75a6-b60c-854e2949911e', 'demo admin', 'admin', 'hk_qmFDPOWyGehI', '\x95f49f19c273677453c2f867fd733c0c7818b7d871614251001a04c08db3f5c5', NULL, NULL, '2026-11-21 22:52:54.325722+00', NULL, NULL, '2026-11-21 22:53:39.486072+00'),
	('01a20050-06c8-7d36-b5b9-1155f92fb890', '01a20050-0678-75a6-b60c-854e2949911e', 'demo agent', 'agent', 'hk_1VSkRpx65OjS', '\x6aa8673ec44caa42741201241919c607c9583b84c807de9207b28a96f79c728c', NULL, '01a20050-0684-7f42-b48f-8fc92b7bb0ec', '2026-11-21 22:52:54.345932+00', NULL, NULL, '2026-11-21 22:53:39.498594+00');
INSERT INTO public.commands VALUES
	('01a20050-b737-7d4a-bf8f-039c9282b18b', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', '2026-11-21 22:53:39.515464+00'),
	('01a20050-b758-713b-8621-fbbaca41b3b6', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', '2026-11-21 22:53:39.558694+00'),
	('01a20050-b7bc-7a7f-8f7d-7d2652229aee', '01a20050-ab8a-79f5-b9e5-6e0187766a93', '2026-11-21 22:53:39.650549+00'),
	('01a20050-b7f2-70e1-93fb-cf12d74041cc', '01a20050-ab8a-79f5-b9e5-6e0187766a93', '2026-11-21 22:53:39.704262+00'),
	('01a20050-b839-7283-95f2-39b7e31c522f', '01a20050-ab8a-79f5-b9e5-6e0187766a93', '2026-11-21 22:53:39.783412+00'),
	('01a20050-b86b-7701-bd44-a21aef469b79', '01a20050-ab88-74b5-b2e0-76a3603a013a', '2026-11-21 22:53:39.821499+00'),
	('01a20050-b87c-710b-afbd-5d93df9cbf9f', '01a20050-ab88-74b5-b2e0-76a3603a013a', '2026-11-21 22:53:39.838089+00'),
	('01a20050-b88d-7b78-93f8-810447c380e1', '01a20050-ab8b-787d-b85f-dbc512f74172', '2026-11-21 22:53:39.855793+00');
INSERT INTO public.contact_identities VALUES
	('01a20050-0678-75a6-b60c-854e2949911e', 'phone', '447700900101', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '2026-11-21 22:53:36.455227+00'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'phone', '447700900102', '01a20050-ab55-77dc-81e5-5da930a53709', '2026-11-21 22:53:36.46865+00'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'phone', '447700900103', '01a20050-ab5c-7544-94bd-fd14d8bfd07b', '2026-11-21 22:53:36.475776+00'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'phone', '447700900104', '01a20050-ab60-79ee-9b9f-e2f1fe2f99d1', '2026-11-21 22:53:36.480122+00');
INSERT INTO public.contacts VALUES
	('01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-0678-75a6-b60c-854e2949911e', 'Nora', '2026-11-21 22:53:36.455227+00', '{}', false),
	('01a20050-ab55-77dc-81e5-5da930a53709', '01a20050-0678-75a6-b60c-854e2949911e', 'Omar', '2026-11-21 22:53:36.46865+00', '{}', false),
	('01a20050-ab5c-7544-94bd-fd14d8bfd07b', '01a20050-0678-75a6-b60c-854e2949911e', 'Pia', '2026-11-21 22:53:36.475776+00', '{}', false),
	('01a20050-ab60-79ee-9b9f-e2f1fe2f99d1', '01a20050-0678-75a6-b60c-854e2949911e', 'Quinn', '2026-11-21 22:53:36.480122+00', '{}', false);
INSERT INTO public.conversations VALUES
	('01a20050-ab8a-79f5-b9e5-6e0187766a93', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab55-77dc-81e5-5da930a53709', 'ended', 'resolved', '01a20050-0684-7f42-b48f-8fc92b7bb0ec', 5, 10, 0, '01a20050-b7f2-7077-a5c4-6ef7d024fc84', '2026-11-22 22:53:36+00', '2026-11-21 22:53:36.467454+00', '2026-11-21 22:53:39.704262+00', NULL, NULL, NULL, NULL, true, '2026-11-21 22:53:39.783412+00', NULL, NULL, 1, '{}', NULL, '2026-11-21 22:53:39.783412+00', 'ended', NULL, false, NULL, '{}', NULL, NULL, '2026-11-21 22:53:39.704262+00', NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, '{}', '{}', NULL, DEFAULT, NULL),
	('01a20050-ab88-74b5-b2e0-76a3603a013a', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab5c-7544-94bd-fd14d8bfd07b', 'snoozed', NULL, '01a20050-0684-7f42-b48f-8fc92b7bb0ec', 4, 4, 1, '01a20050-ab5c-7bef-b252-5ad66e2d5add', '2026-11-22 22:53:36+00', '2026-11-21 22:53:36.475708+00', '2026-11-21 22:53:36.475708+00', '2027-06-02 09:00:00+00', NULL, NULL, NULL, true, NULL, NULL, NULL, 1, '{}', '2026-11-21 22:53:36.475708+00', '2026-11-21 22:53:39.821499+00', 'claimed', NULL, false, NULL, '{}', '2027-06-01 09:00:00+00', '2026-11-21 22:53:36.475708+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, '{}', '{}', NULL, DEFAULT, NULL),
	('01a20050-ab8b-787d-b85f-dbc512f74172', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab60-79ee-9b9f-e2f1fe2f99d1', 'waiting', NULL, NULL, 3, 3, 1, '01a20050-ab62-71c4-98a0-5373e028cfb8', '2026-11-22 22:53:36+00', '2026-11-21 22:53:36.480003+00', '2026-11-21 22:53:36.480003+00', '2026-11-22 22:53:36.480003+00', NULL, NULL, NULL, true, NULL, NULL, '01a20050-b71e-741a-8b71-e64239a2a79a', 1, '{}', '2026-11-21 22:53:36.480003+00', '2026-11-21 22:53:39.855793+00', 'transferred', NULL, false, NULL, '{}', NULL, '2026-11-21 22:53:36.480003+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, '{}', '{}', NULL, DEFAULT, NULL),
	('01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', 'assigned', NULL, '01a20050-0684-7f42-b48f-8fc92b7bb0ec', 6, 14, 2, '01a20050-ffae-70c1-9c3d-5725a02f18e9', '2026-11-22 22:53:58+00', '2026-11-21 22:53:36.455127+00', '2026-11-21 22:53:58.06022+00', '2026-11-22 22:53:58.06022+00', NULL, NULL, NULL, true, NULL, NULL, NULL, 1, '{}', '2026-11-21 22:53:36.455127+00', '2026-11-21 22:53:39.515464+00', 'claimed', NULL, false, NULL, '{}', NULL, '2026-11-21 22:53:40.87294+00', '2026-11-21 22:53:39.558694+00', NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, '{vip}', '{}', NULL, DEFAULT, NULL);
INSERT INTO public.deliveries OVERRIDING SYSTEM VALUE VALUES
	('01a20050-b76f-7f2d-b8c1-0353e8699a28', 1, '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-069f-79d6-a87b-f3aec7e4c6c4', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', '01a20050-b76f-755d-984b-2175c608b659', '01a20050-b758-713b-8621-fbbaca41b3b6', 'outbound_message', 6, 'msg_1oqEJlM3GYaQAeBLKKKwB0', '', '\x7b226576656e74223a226f7574626f756e645f6d657373616765222c22636f6e746163745f6e756d626572223a22343437373030393030313031222c2270686f6e655f6e756d6265725f6964223a22313036353430333532323432393232222c226d6574615f7061796c6f6164223a7b226d6573736167696e675f70726f64756374223a227768617473617070222c22746f223a22343437373030393030313031222c2274797065223a2274657874222c2274657874223a7b22626f6479223a224869204e6f7261227d7d7d', NULL, false, NULL, 'delivered', 1, 0, '2026-11-21 22:53:39.593183+00', NULL, NULL, false, false, false, NULL, '2026-11-21 22:53:39.558694+00', '2026-11-21 22:53:39.603857+00', false, NULL, 0),
	('01a20050-ffbc-7b2e-8a7c-96de27c409eb', 4, '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-ffa7-7bdb-b17f-203a5adc0b03', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', '01a20050-ffbb-7eaf-895d-e494e281ce00', NULL, 'message.received', 14, 'msg_63MuoyIxAqFHJHpJmndbZb', '', '\x7b2274797065223a226d6573736167652e7265636569766564222c2274696d657374616d70223a22323032362d31312d32315432323a35333a35382e3037305a222c2264617461223a7b226576656e745f6964223a2230316132303035302d666662622d376561662d383935642d653439346532383163653030222c22696e626f785f6964223a2230316132303035302d303637662d376237342d626132652d666332626632373936393839222c22636f6e766572736174696f6e5f6964223a2230316132303035302d616239302d376338612d613461302d656263366635316534646637222c22736571223a31342c226163746f72223a7b2274797065223a22636f6e74616374227d2c226d657373616765223a7b226964223a2230316132303035302d666661652d373063312d396333642d353732356130326631386539222c22646972656374696f6e223a22696e626f756e64222c2274797065223a2274657874222c2274657874223a2261726520796f75207374696c6c2074686572653f222c22636f6e74656e74223a7b2274657874223a7b22626f6479223a2261726520796f75207374696c6c2074686572653f227d2c2274797065223a2274657874227d2c2265787465726e616c5f6964223a2277616d69642e4f4c443531222c22617574686f72223a7b2274797065223a22636f6e74616374227d2c22637265617465645f6174223a22323032362d31312d32315432323a35333a35382e3036305a227d2c22636f6e74616374223a7b226964223a2230316132303035302d616234612d373732332d616531632d373766636132313337623264222c226e616d65223a224e6f7261222c226964656e746974696573223a5b7b226b696e64223a2270686f6e65222c2276616c7565223a22343437373030393030313031227d5d7d2c22636f6e766572736174696f6e223a7b226964223a2230316132303035302d616239302d376338612d613461302d656263366635316534646637222c22737461747573223a2261737369676e6564222c226f70656e65645f6174223a22323032362d31312d32315432323a35333a33362e3435355a227d7d7d', NULL, false, NULL, 'pending', 2, 2, '2026-11-21 22:53:58.092494+00', '2026-11-21 23:12:26.90539+00', NULL, false, false, false, 'connect: the connection was refused or the host cannot be reached: check that the server is running and its firewall is open', '2026-11-21 22:53:58.070239+00', NULL, false, NULL, 0),
	('01a20050-b809-7e40-982f-575cfd078b89', 2, '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-069f-79d6-a87b-f3aec7e4c6c4', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab55-77dc-81e5-5da930a53709', '01a20050-ab8a-79f5-b9e5-6e0187766a93', '01a20050-b802-738e-8d9e-baa65a79f8af', '01a20050-b7f2-7077-a5c4-6ef7d024fc84', 'outbound_message', 4, 'msg_6DKwUcAEKpe1AIXpatZQCA', '', '\x7b226576656e74223a226f7574626f756e645f6d657373616765222c22636f6e746163745f6e756d626572223a22343437373030393030313032222c2270686f6e655f6e756d6265725f6964223a22313036353430333532323432393232222c226d6574615f7061796c6f6164223a7b226d6573736167696e675f70726f64756374223a227768617473617070222c22746f223a22343437373030393030313032222c2274797065223a2274657874222c2274657874223a7b22626f6479223a224974206973206f6e2069747320776179227d7d7d', NULL, false, NULL, 'delivered', 1, 0, '2026-11-21 22:53:39.732058+00', NULL, NULL, false, false, false, NULL, '2026-11-21 22:53:39.704262+00', '2026-11-21 22:53:39.736941+00', false, NULL, 0),
	('01a20050-b84d-72da-ae90-4ace058ac4a3', 3, '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-069f-79d6-a87b-f3aec7e4c6c4', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab55-77dc-81e5-5da930a53709', '01a20050-ab8a-79f5-b9e5-6e0187766a93', '01a20050-b84c-7ec5-bbf7-e068451020f8', NULL, 'conversation_resolved', 10, 'msg_2QcR4nrqx1OWJMTWilJLBz', '', '\x7b226576656e74223a22636f6e766572736174696f6e5f7265736f6c766564222c22636f6e746163745f6e756d626572223a22343437373030393030313032222c227265736f6c7665645f737461747573223a225265736f6c7665642062792048756d616e222c227265736f6c7665645f6461746574696d65223a22323032362d31312d32315432323a35333a33395a227d', NULL, false, NULL, 'delivered', 1, 0, '2026-11-21 22:53:39.800282+00', NULL, NULL, false, false, false, NULL, '2026-11-21 22:53:39.783412+00', '2026-11-21 22:53:39.804358+00', false, NULL, 0);
INSERT INTO public.delivery_attempts VALUES
	('01a20050-b76f-7f2d-b8c1-0353e8699a28', 1, 'schedule', '2026-11-21 22:53:39.593183+00', 1.747, 200, NULL, '{"contacts":[{"input":"447700900101","wa_id":"447700900101"}],"messages":[{"id":"wamid.HBgLS1A3NVQyQkFEVzY0QUUzSkEyTjZYUlhZV0gAAA==","message_status":"accepted"}],"messaging_product":"whatsapp"}', '01a20050-069f-79d6-a87b-f3aec7e4c6c4', true, NULL, '{"Date": "Sat, 21 Nov 2026 22:53:39 GMT", "Content-Type": "application/json", "Content-Length": "194"}', false, '127.0.0.1', NULL),
	('01a20050-b809-7e40-982f-575cfd078b89', 1, 'schedule', '2026-11-21 22:53:39.732058+00', 1.811, 200, NULL, '{"contacts":[{"input":"447700900102","wa_id":"447700900102"}],"messages":[{"id":"wamid.HBgLRFBMNUI2Mk5ENFVTRzVBMkg2U1FWREdQWVEAAA==","message_status":"accepted"}],"messaging_product":"whatsapp"}', '01a20050-069f-79d6-a87b-f3aec7e4c6c4', true, NULL, '{"Date": "Sat, 21 Nov 2026 22:53:39 GMT", "Content-Type": "application/json", "Content-Length": "194"}', false, '127.0.0.1', NULL),
	('01a20050-b84d-72da-ae90-4ace058ac4a3', 1, 'schedule', '2026-11-21 22:53:39.800282+00', 0.342, 200, NULL, '{}', '01a20050-069f-79d6-a87b-f3aec7e4c6c4', true, NULL, '{"Date": "Sat, 21 Nov 2026 22:53:39 GMT", "Content-Type": "application/json", "Content-Length": "2"}', false, '127.0.0.1', NULL),
	('01a20050-ffbc-7b2e-8a7c-96de27c409eb', 1, 'schedule', '2026-11-21 22:53:58.092494+00', 0.236, NULL, 'connect: the connection was refused or the host cannot be reached: check that the server is running and its firewall is open', NULL, '01a20050-ffa7-7bdb-b17f-203a5adc0b03', false, 'connect', NULL, false, NULL, '2026-11-21 22:54:03.425847+00'),
	('01a20050-ffbc-7b2e-8a7c-96de27c409eb', 2, 'schedule', '2026-11-21 23:06:49.621006+00', 0.49, NULL, 'connect: the connection was refused or the host cannot be reached: check that the server is running and its firewall is open', NULL, '01a20050-ffa7-7bdb-b17f-203a5adc0b03', false, 'connect', NULL, false, NULL, '2026-11-21 23:12:26.90539+00');
INSERT INTO public.endpoints VALUES
	('01a20050-06dc-7f0c-891b-1a03f28196f5', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-067f-7b74-ba2e-fc2bf2796989', 'http://127.0.0.1:18091', 'graph', NULL, NULL, 'events', 'v2', 'durable', NULL, NULL, '{}', NULL, NULL, '{}', NULL, 'enabled', NULL, NULL, '2026-11-21 22:52:54.356755+00', '2026-11-21 22:52:54.356755+00', NULL, 'strict', NULL, 10, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL),
	('01a20050-06ef-79ca-aaaf-ea4494ca86eb', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-06ed-7b0c-9b90-ba107ca95afe', 'http://127.0.0.1:18092', 'chatlayer', NULL, NULL, 'events', 'v2', 'durable', NULL, NULL, '{}', NULL, NULL, '{}', NULL, 'enabled', NULL, NULL, '2026-11-21 22:52:54.381852+00', '2026-11-21 22:52:54.381852+00', NULL, 'strict', NULL, 10, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL),
	('01a20050-0728-7bf8-9dfd-22193ca3f3c4', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-0727-76a4-84e2-a9dfa6c8a314', 'http://127.0.0.1:18091', 'graph', NULL, NULL, 'events', 'v2', 'durable', NULL, NULL, '{}', NULL, NULL, '{}', NULL, 'enabled', NULL, NULL, '2026-11-21 22:52:54.439504+00', '2026-11-21 22:52:54.439504+00', NULL, 'strict', NULL, 10, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL),
	('01a20050-0731-7445-9ec7-2c9a16f471f5', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-0730-74cf-8098-5d67e7403a0a', 'http://127.0.0.1:18091', 'graph', NULL, NULL, 'events', 'v2', 'durable', NULL, NULL, '{}', NULL, NULL, '{}', NULL, 'enabled', NULL, NULL, '2026-11-21 22:52:54.448361+00', '2026-11-21 22:52:54.448361+00', NULL, 'strict', NULL, 10, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL),
	('01a20050-069f-79d6-a87b-f3aec7e4c6c4', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-067f-7b74-ba2e-fc2bf2796989', 'http://127.0.0.1:18090/webhooks', 'webhook', '\x01f1995cb30a5b33d46a92b7ab1c45f0f5f8df412deabf32a89783dc351d53b75111159c71f85304a2e3a75bed58625325145a29cd95c1c0b2b84c475955a7c96f63e0c5c5982a5b4eed3f3b25aa9e1e7fd2f2', NULL, 'events', 'v2', 'durable', NULL, NULL, '{}', NULL, NULL, '{conversation_resolved,outbound_message}', NULL, 'enabled', NULL, '2026-11-21 22:53:39.630291+00', '2026-11-21 22:52:54.303404+00', '2026-11-21 23:06:49.139637+00', NULL, 'strict', NULL, 10, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL),
	('01a20050-0722-781c-95e1-d4110d683004', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-0718-7e2e-a985-f3684831b5af', 'http://127.0.0.1:18090/webhooks/aksita', 'webhook', '\x01f1995cb3cb13f40ff2bcc450235ac2ae73dd2c856529248c4767e7ba8b4fb5618647a8c6565149dd7221c83af8443b22131d4937a9d210c22381abf023ff02ddfd3dfc2ebf6c96cc7177dd01ec23855dde3b', '\x01f1995cb37b522601ce13f7a4e748fd09c4fd8052a6e79d770ccb79c1de3587542f5e9d9cff76c1f94768c50be70a91097d687fee8826edd690dd', 'events', 'v2', 'durable', NULL, NULL, '{}', NULL, NULL, '{human_agent}', NULL, 'enabled', NULL, NULL, '2026-11-21 22:52:54.43422+00', '2026-11-21 23:06:49.152896+00', NULL, 'strict', NULL, 10, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL),
	('01a20050-072e-7c85-b91e-3d89cd2d7637', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-0727-76a4-84e2-a9dfa6c8a314', 'http://127.0.0.1:18090/webhooks/kapso', 'webhook', '\x01f1995cb3e0cd40b09f7ce81ec99e1ec47c6f054f09dd07d4e1aa04b03842086758d2dae30ead1eac038a64a59a2aa0bca50e4e3f27884f56d2f2a0b92c071f0f62018e2c636282b7689bc2a19e8edf5dec4e', '\x01f1995cb35821c107009e389944b26a9b4b3a06009f35ee40b000fff96c3011e9039d41f827188880666d0ecd7d828960f65e8a21a723dc00ca', 'events', 'v2', 'durable', NULL, NULL, '{}', 60, NULL, '{whatsapp.conversation.created,whatsapp.conversation.ended,whatsapp.conversation.inactive,whatsapp.message.delivered,whatsapp.message.failed,whatsapp.message.read,whatsapp.message.received,whatsapp.message.sent}', NULL, 'enabled', NULL, NULL, '2026-11-21 22:52:54.446582+00', '2026-11-21 23:06:49.156506+00', NULL, 'strict', NULL, 10, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL),
	('01a20050-0734-703c-b774-6530a743ebc6', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-0730-74cf-8098-5d67e7403a0a', 'http://127.0.0.1:18090/webhooks/passthrough', 'webhook', '\x01f1995cb3bcf05b0533273f2d95de2bd6aece455ea834127e0d379dd2caba37d7073a4a6f0ca50c9cd3614c522b0da6b7c4556a3af22492d6e61b1b2d30618f3815229ff2c2f747085d5a6fcf9980124acc89', NULL, 'meta', 'v2', 'durable', NULL, NULL, '{}', NULL, NULL, '{meta}', NULL, 'enabled', NULL, NULL, '2026-11-21 22:52:54.451838+00', '2026-11-21 23:06:49.160155+00', NULL, 'strict', NULL, 10, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL),
	('01a20050-0742-7a71-bb30-ad4fe49ad481', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-0738-7a62-afc2-1d3f8d784454', 'http://127.0.0.1:18090/webhooks/native', 'webhook', '\x01f1995cb3a20ac63044ac5940f3d07c7e851ae026a4f79ad039dfd3a5ddcc95f1646976f31fa2131e9ff807913a08a94ba1214a5c4d0171a6bdc5a87d1c237789e265b3b0177304f49ec79603e40d9b2f8b4c', NULL, 'events', 'v2', 'durable', NULL, NULL, '{}', NULL, NULL, '{*}', NULL, 'enabled', NULL, NULL, '2026-11-21 22:52:54.466442+00', '2026-11-21 23:06:49.163102+00', NULL, 'strict', NULL, 10, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL),
	('01a20050-ffa7-7bdb-b17f-203a5adc0b03', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-067f-7b74-ba2e-fc2bf2796989', 'http://127.0.0.1:1/webhooks', 'webhook', '\x01f1995cb3bb33016ad9240ef89f1bd8eeff04e7ae5e418a4d9fca78b2bd722127a22479c95ad0f830e993c03732ee35b6253b6c9bb423bc0357b239ee8aea32adc272b17e6dafc03f151188bff6ef8733d4a1', NULL, 'events', 'v2', 'durable', NULL, NULL, '{}', NULL, NULL, '{conversation.*,message.*}', NULL, 'enabled', NULL, NULL, '2026-11-21 22:53:58.055577+00', '2026-11-21 22:53:58.055577+00', NULL, 'strict', NULL, 10, '2026-11-21 22:53:58.100125+00', 2, '2026-11-21 23:06:49.630039+00', NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES
	('01a20050-ab8d-72e4-b2c6-2d4488df0280', '01a20050-0678-75a6-b60c-854e2949911e', 1, '762', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab8b-787d-b85f-dbc512f74172', 1, 'conversation.opened', 'contact', NULL, NULL, '{"reason": "opened", "opened_at": "2026-11-21T22:53:36.480003Z", "message_id": "01a20050-ab62-71c4-98a0-5373e028cfb8"}', '2026-11-21 22:53:36.504944+00'),
	('01a20050-ab8b-7f19-b3ad-2286475d870a', '01a20050-0678-75a6-b60c-854e2949911e', 2, '763', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab8a-79f5-b9e5-6e0187766a93', 1, 'conversation.opened', 'contact', NULL, NULL, '{"reason": "opened", "opened_at": "2026-11-21T22:53:36.467454Z", "message_id": "01a20050-ab56-712d-b804-911fc641ca24"}', '2026-11-21 22:53:36.495581+00'),
	('01a20050-ab8c-700a-a6de-c2272306b70f', '01a20050-0678-75a6-b60c-854e2949911e', 3, '763', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab8a-79f5-b9e5-6e0187766a93', 2, 'message.received', 'contact', NULL, '01a20050-ab56-712d-b804-911fc641ca24', '{}', '2026-11-21 22:53:36.495581+00'),
	('01a20050-ab88-7d42-b523-9c76592536da', '01a20050-0678-75a6-b60c-854e2949911e', 4, '764', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab88-74b5-b2e0-76a3603a013a', 1, 'conversation.opened', 'contact', NULL, NULL, '{"reason": "opened", "opened_at": "2026-11-21T22:53:36.475708Z", "message_id": "01a20050-ab5c-7bef-b252-5ad66e2d5add"}', '2026-11-21 22:53:36.498373+00'),
	('01a20050-ab91-7668-a328-40dcf8ad3076', '01a20050-0678-75a6-b60c-854e2949911e', 5, '765', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 1, 'message.history', 'contact', NULL, '01a20050-ab91-7663-96ea-d1b9bff27ed3', '{}', '2026-11-21 22:53:36.481395+00'),
	('01a20050-ab91-767d-ad78-c4a7eea15b52', '01a20050-0678-75a6-b60c-854e2949911e', 6, '765', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 2, 'message.history', 'bot', NULL, '01a20050-ab91-767b-997c-b23f09f4dddf', '{}', '2026-11-21 22:53:36.481395+00'),
	('01a20050-ab91-7689-857a-af7ed23c137f', '01a20050-0678-75a6-b60c-854e2949911e', 7, '765', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 3, 'conversation.opened', 'contact', NULL, NULL, '{"reason": "opened", "opened_at": "2026-11-21T22:53:36.455127Z", "message_id": "01a20050-ab4c-79ea-91b9-ad21e62ea599"}', '2026-11-21 22:53:36.481395+00'),
	('01a20050-ab91-76a8-b670-46f70c944afd', '01a20050-0678-75a6-b60c-854e2949911e', 8, '765', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 4, 'message.received', 'contact', NULL, '01a20050-ab4c-79ea-91b9-ad21e62ea599', '{}', '2026-11-21 22:53:36.481395+00'),
	('01a20050-ab88-7d8d-b0ff-7235d1a6fdc0', '01a20050-0678-75a6-b60c-854e2949911e', 9, '764', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab88-74b5-b2e0-76a3603a013a', 2, 'message.received', 'contact', NULL, '01a20050-ab5c-7bef-b252-5ad66e2d5add', '{}', '2026-11-21 22:53:36.498373+00'),
	('01a20050-ab8d-730e-99b1-2d67c4913371', '01a20050-0678-75a6-b60c-854e2949911e', 10, '762', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab8b-787d-b85f-dbc512f74172', 2, 'message.received', 'contact', NULL, '01a20050-ab62-71c4-98a0-5373e028cfb8', '{}', '2026-11-21 22:53:36.504944+00'),
	('01a20050-b743-77a0-babf-4aaf2b675fa0', '01a20050-0678-75a6-b60c-854e2949911e', 11, '771', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 5, 'conversation.claimed', 'agent', '01a20050-0684-7f42-b48f-8fc92b7bb0ec', NULL, '{"assignee": {"id": "01a20050-0684-7f42-b48f-8fc92b7bb0ec", "name": "Ana"}}', '2026-11-21 22:53:39.515464+00'),
	('01a20050-b76f-755d-984b-2175c608b659', '01a20050-0678-75a6-b60c-854e2949911e', 12, '774', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 6, 'message.queued', 'agent', '01a20050-0684-7f42-b48f-8fc92b7bb0ec', '01a20050-b758-713b-8621-fbbaca41b3b6', '{}', '2026-11-21 22:53:39.558694+00'),
	('01a20050-b794-7aa5-8cb6-688d2b52affa', '01a20050-0678-75a6-b60c-854e2949911e', 13, '777', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 7, 'note.added', 'agent', '01a20050-0684-7f42-b48f-8fc92b7bb0ec', NULL, '{"note_id": "01a20050-b78e-7f2d-8597-454cd1865a78"}', '2026-11-21 22:53:39.604697+00'),
	('01a20050-b7a4-77a8-81bf-ba6aefa156e0', '01a20050-0678-75a6-b60c-854e2949911e', 14, '778', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 8, 'message.delivered_to_gateway', 'system', NULL, '01a20050-b758-713b-8621-fbbaca41b3b6', '{}', '2026-11-21 22:53:39.604848+00'),
	('01a20050-b7af-76c2-b679-2bb182538e53', '01a20050-0678-75a6-b60c-854e2949911e', 15, '779', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 9, 'conversation.updated', 'agent', '01a20050-0684-7f42-b48f-8fc92b7bb0ec', NULL, '{"tags": ["vip"]}', '2026-11-21 22:53:39.631443+00'),
	('01a20050-b7d3-7d48-b583-27f7e2e9a9d0', '01a20050-0678-75a6-b60c-854e2949911e', 16, '785', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab8a-79f5-b9e5-6e0187766a93', 3, 'conversation.claimed', 'agent', '01a20050-0684-7f42-b48f-8fc92b7bb0ec', NULL, '{"assignee": {"id": "01a20050-0684-7f42-b48f-8fc92b7bb0ec", "name": "Ana"}}', '2026-11-21 22:53:39.650549+00'),
	('01a20050-b7d7-759d-ba56-42b6035eff85', '01a20050-0678-75a6-b60c-854e2949911e', 17, '787', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 10, 'message.sent', 'system', NULL, '01a20050-b758-713b-8621-fbbaca41b3b6', '{}', '2026-11-21 22:53:39.662244+00'),
	('01a20050-b7d8-73e5-bf17-794eaba4e539', '01a20050-0678-75a6-b60c-854e2949911e', 18, '787', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 11, 'message.delivered', 'system', NULL, '01a20050-b758-713b-8621-fbbaca41b3b6', '{}', '2026-11-21 22:53:39.662244+00'),
	('01a20050-b7d8-799c-8aff-d6a438d3af0a', '01a20050-0678-75a6-b60c-854e2949911e', 19, '787', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 12, 'message.read', 'system', NULL, '01a20050-b758-713b-8621-fbbaca41b3b6', '{}', '2026-11-21 22:53:39.662244+00'),
	('01a20050-b802-738e-8d9e-baa65a79f8af', '01a20050-0678-75a6-b60c-854e2949911e', 20, '789', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab8a-79f5-b9e5-6e0187766a93', 4, 'message.queued', 'agent', '01a20050-0684-7f42-b48f-8fc92b7bb0ec', '01a20050-b7f2-7077-a5c4-6ef7d024fc84', '{}', '2026-11-21 22:53:39.704262+00'),
	('01a20050-b81c-7240-beba-48e1688789c8', '01a20050-0678-75a6-b60c-854e2949911e', 21, '791', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab8a-79f5-b9e5-6e0187766a93', 5, 'message.delivered_to_gateway', 'system', NULL, '01a20050-b7f2-7077-a5c4-6ef7d024fc84', '{}', '2026-11-21 22:53:39.737666+00'),
	('01a20050-b82e-7d3e-8d44-48f7dc8e4964', '01a20050-0678-75a6-b60c-854e2949911e', 22, '794', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab8a-79f5-b9e5-6e0187766a93', 6, 'message.sent', 'system', NULL, '01a20050-b7f2-7077-a5c4-6ef7d024fc84', '{}', '2026-11-21 22:53:39.752639+00'),
	('01a20050-b82f-734c-a8ff-f04289647cbc', '01a20050-0678-75a6-b60c-854e2949911e', 23, '794', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab8a-79f5-b9e5-6e0187766a93', 7, 'message.delivered', 'system', NULL, '01a20050-b7f2-7077-a5c4-6ef7d024fc84', '{}', '2026-11-21 22:53:39.752639+00'),
	('01a20050-b83a-7b91-a120-316c96aed7bb', '01a20050-0678-75a6-b60c-854e2949911e', 24, '796', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab8a-79f5-b9e5-6e0187766a93', 8, 'note.added', 'agent', '01a20050-0684-7f42-b48f-8fc92b7bb0ec', NULL, '{"note_id": "01a20050-b839-7546-a2e7-66fea51d76eb"}', '2026-11-21 22:53:39.770758+00'),
	('01a20050-b844-769b-bb5e-035744db8cb8', '01a20050-0678-75a6-b60c-854e2949911e', 25, '797', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab8a-79f5-b9e5-6e0187766a93', 9, 'message.read', 'system', NULL, '01a20050-b7f2-7077-a5c4-6ef7d024fc84', '{}', '2026-11-21 22:53:39.776276+00'),
	('01a20050-b84c-7ec5-bbf7-e068451020f8', '01a20050-0678-75a6-b60c-854e2949911e', 26, '798', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab8a-79f5-b9e5-6e0187766a93', 10, 'conversation.ended', 'agent', '01a20050-0684-7f42-b48f-8fc92b7bb0ec', NULL, '{"reason": "resolved"}', '2026-11-21 22:53:39.783412+00'),
	('01a20050-b871-7b03-8492-515879722ce3', '01a20050-0678-75a6-b60c-854e2949911e', 27, '802', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab88-74b5-b2e0-76a3603a013a', 3, 'conversation.claimed', 'agent', '01a20050-0684-7f42-b48f-8fc92b7bb0ec', NULL, '{"assignee": {"id": "01a20050-0684-7f42-b48f-8fc92b7bb0ec", "name": "Ana"}}', '2026-11-21 22:53:39.821499+00'),
	('01a20050-b882-7cc1-8f62-dee39665ec58', '01a20050-0678-75a6-b60c-854e2949911e', 28, '803', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab88-74b5-b2e0-76a3603a013a', 4, 'conversation.snoozed', 'agent', '01a20050-0684-7f42-b48f-8fc92b7bb0ec', NULL, '{"until": "2027-06-01T09:00:00Z"}', '2026-11-21 22:53:39.838089+00'),
	('01a20050-b893-78ab-a9cc-0991b7383f72', '01a20050-0678-75a6-b60c-854e2949911e', 29, '804', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab8b-787d-b85f-dbc512f74172', 3, 'conversation.transferred', 'system', NULL, NULL, '{"reason": "money", "control": "transferred", "team_id": "01a20050-b71e-741a-8b71-e64239a2a79a"}', '2026-11-21 22:53:39.855793+00'),
	('01a20050-bc9a-7a45-bc4d-234875276328', '01a20050-0678-75a6-b60c-854e2949911e', 30, '807', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 13, 'message.received', 'contact', NULL, '01a20050-bc8a-7697-b86e-56c85aab2a82', '{}', '2026-11-21 22:53:40.883464+00'),
	('01a20050-ffbb-7eaf-895d-e494e281ce00', '01a20050-0678-75a6-b60c-854e2949911e', 31, '812', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 14, 'message.received', 'contact', NULL, '01a20050-ffae-70c1-9c3d-5725a02f18e9', '{}', '2026-11-21 22:53:58.070239+00');
INSERT INTO public.goose_db_version VALUES
	(1, 0, true, '2026-11-21 22:52:52.782288'),
	(2, 1, true, '2026-11-21 22:52:52.82993'),
	(3, 2, true, '2026-11-21 22:52:53.553354'),
	(4, 3, true, '2026-11-21 22:52:53.716425'),
	(5, 4, true, '2026-11-21 22:52:53.954613'),
	(6, 5, true, '2026-11-21 22:52:54.055163'),
	(7, 6, true, '2026-11-21 22:52:54.227653');
INSERT INTO public.idempotency_keys VALUES
	('01a20050-0678-75a6-b60c-854e2949911e', 'POST /v1/conversations/01a20050-ab90-7c8a-a4a0-ebc6f51e4df7/messages by 01a20050-0684-7f42-b48f-8fc92b7bb0ec', 'nora-1', '\xd6079ae53348db1cb8c01a09afba05c01a159bb515f697fc2c02777f91a53f16', '01a20050-b758-713b-8621-fbbaca41b3b6', 201, '\x01f1995cb37395421d4dcb70136a31daf83cdb530f6419c7661f102d443e2d634eaff98fa08d78228f171ad81b2094e339de08c5af59513267b0f5409025e73f3ec34367bd3957a8a598749595360e1d2973c258d7096f6f4292c56d233d43056ca90bfa40b9558cc09f596923194b1d81235d41dbe8ba9af43200a237c058d71a82951d984c21a7ed7d3ac2e97b2a96891ff1c46e8877a28f0aa02016f8056519a64996c80c713af345bee10c2482ce83e1b0a2488b92fe3656b09b57030b13ddb3c42115c7129dc9368b4151c40014cac7c34b2e09a5c37f2cdb15e56cd135746aa922ea7035f50347e6f37dba9564f47204d4113e31de485e75e8f4888f25be25df1aec2dcbe21d97d7fd6ab5a47e8f5adc244903409af5df73f151e8a9b9bb20208c3b8b14a1c058fef6ada3a63d1f53d3ba4a37cb39d424dcd529a5803b2549fee288df83d489f08b36090cc0d236560e1fbc3f82eeaff7b94e70e64190254c3c3bc3babea795e424c2487d1a254bd204fa1161c6c846960c', '2026-11-21 22:53:39.54408+00');
INSERT INTO public.inboxes VALUES
	('01a20050-0730-74cf-8098-5d67e7403a0a', '01a20050-0678-75a6-b60c-854e2949911e', 'Demo passthrough', 'passthrough', '102290129340398', '106540352242924', '', '\x01f1995cb3d6e24a20201240a4ec1f07e187930eb8b5688c649788ca27930c27f2731a2d9218327da68ba4bec30af2', '\x01f1995cb3d4985b430ac340cbb353c8cf64dcb6c5bca8706f20c0ec926170445c32e540d7601d5634c4628347756fce2a5e8d1de9337033', '\x01f1995cb30f0cb2c173e5077e6535f03aadaaee89d9bcae62b36636425d5998bc4712d529345cc559f0bde2ef8e7fc5c8ff142483c38503becb50', '', 'LIVE', '', NULL, 'UTC', true, NULL, NULL, '24:00:00', 'Resolved by Human', 'Closed by Inactivity', true, false, '2026-11-21 22:52:54.448361+00', '2026-11-21 23:06:49.158201+00', NULL, NULL, NULL, 'assignee', 0, 0, 'queue', '{}', NULL, NULL, NULL, false, NULL, false, false, '{}', false, NULL),
	('01a20050-0738-7a62-afc2-1d3f8d784454', '01a20050-0678-75a6-b60c-854e2949911e', 'Demo native', 'native', '', '', '', NULL, NULL, NULL, '', 'LIVE', '', NULL, 'UTC', true, NULL, NULL, '24:00:00', 'Resolved by Human', 'Closed by Inactivity', true, false, '2026-11-21 22:52:54.456757+00', '2026-11-21 23:06:49.161553+00', NULL, NULL, NULL, 'assignee', 0, 0, 'queue', '{}', NULL, NULL, NULL, false, NULL, false, false, '{}', false, NULL),
	('01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-0678-75a6-b60c-854e2949911e', 'Demo WhatsApp', 'hitlchat', '102290129340398', '106540352242922', '', '\x01f1995cb3b189345f11bad8e603d1f4ad19f9ac843264b02856666295dbcccfc2181cf353150546733b1af6f3321c', NULL, NULL, '', 'LIVE', '', NULL, 'UTC', true, NULL, NULL, '24:00:00', 'Resolved by Human', 'Closed by Inactivity', true, false, '2026-11-21 22:52:54.271849+00', '2026-11-21 23:06:49.144378+00', NULL, NULL, NULL, 'assignee', 0, 0, 'queue', '{}', NULL, NULL, NULL, false, NULL, false, false, '{}', false, NULL),
	('01a20050-06ed-7b0c-9b90-ba107ca95afe', '01a20050-0678-75a6-b60c-854e2949911e', 'Demo Chatlayer', 'chatlayer', '', '', '', '\x01f1995cb3f6f3cd2b92353fb0ad1228bffa4ea525f777ca1ea3a1b37871917e149f802304139eaf5681081c4e2e1024c4b0291c1365b54d62803e7753', NULL, '\x01f1995cb307cb845b084bed0a534a0d604b8b23b805eb1903cbcf5e1b3d8451c754c454522ef05dc0ea7d3220a59d2fd9ed9004a5b1bf0c6b463b', 'handoff-demo-bot', 'LIVE', 'http://127.0.0.1:18092', NULL, 'UTC', true, NULL, NULL, '24:00:00', 'Resolved by Human', 'Closed by Inactivity', true, false, '2026-11-21 22:52:54.381852+00', '2026-11-21 23:06:49.149539+00', NULL, NULL, NULL, 'assignee', 0, 0, 'queue', '{}', NULL, NULL, NULL, false, NULL, false, false, '{}', false, NULL),
	('01a20050-0718-7e2e-a985-f3684831b5af', '01a20050-0678-75a6-b60c-854e2949911e', 'Demo Aksita', 'aksita', '', '', '', NULL, NULL, NULL, '', 'LIVE', '', NULL, 'UTC', true, NULL, NULL, '24:00:00', 'Resolved by Human', 'Closed by Inactivity', true, false, '2026-11-21 22:52:54.425003+00', '2026-11-21 23:06:49.151474+00', NULL, NULL, NULL, 'assignee', 0, 0, 'queue', '{}', NULL, NULL, NULL, false, NULL, false, false, '{}', false, NULL),
	('01a20050-0727-76a4-84e2-a9dfa6c8a314', '01a20050-0678-75a6-b60c-854e2949911e', 'Demo Kapso', 'kapso', '102290129340398', '106540352242923', '', '\x01f1995cb38013704560bf505ff593365dbe2e99fa4b3d315476db804eb9bb7aac59cf868c3508013c375a0166db11', '\x01f1995cb362701384d540680b8bb52707c61e48ec33d173ce31c4b3eb4227f0cec80fd711f42b0e40c5a3567c523cf80a2011f9695cb96b', '\x01f1995cb3e9f16d1a64ff0a9e9ce8bc46ca1b916721b606a74a3583c34b0e623126eb6466d624cffc38678f9b4dbe3e487c6c625ccff2ca0cfb53', '', 'LIVE', '', NULL, 'UTC', true, NULL, NULL, '24:00:00', 'Resolved by Human', 'Closed by Inactivity', true, false, '2026-11-21 22:52:54.439504+00', '2026-11-21 23:06:49.154392+00', NULL, NULL, NULL, 'assignee', 0, 0, 'queue', '{}', NULL, NULL, NULL, false, NULL, false, false, '{}', false, NULL);
INSERT INTO public.messages VALUES
	('01a20050-ab62-71c4-98a0-5373e028cfb8', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab60-79ee-9b9f-e2f1fe2f99d1', '01a20050-ab8b-787d-b85f-dbc512f74172', 2, 'inbound', 'contact', NULL, NULL, 'text', 'refund please', '{"text":{"body":"refund please"},"type":"text"}', NULL, false, NULL, NULL, NULL, NULL, NULL, 'wamid.OLD4', NULL, true, NULL, '2026-11-21 22:53:36+00', '2026-11-21 22:53:36.480003+00', '2026-11-21 22:53:36.504944+00', NULL),
	('01a20050-ab56-712d-b804-911fc641ca24', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab55-77dc-81e5-5da930a53709', '01a20050-ab8a-79f5-b9e5-6e0187766a93', 2, 'inbound', 'contact', NULL, NULL, 'text', 'my order 4711 is late', '{"text":{"body":"my order 4711 is late"},"type":"text"}', NULL, false, NULL, NULL, NULL, NULL, NULL, 'wamid.OLD2', NULL, true, NULL, '2026-11-21 22:53:36+00', '2026-11-21 22:53:36.467454+00', '2026-11-21 22:53:36.495581+00', NULL),
	('01a20050-ab5c-7bef-b252-5ad66e2d5add', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab5c-7544-94bd-fd14d8bfd07b', '01a20050-ab88-74b5-b2e0-76a3603a013a', 2, 'inbound', 'contact', NULL, NULL, 'text', 'hello', '{"text":{"body":"hello"},"type":"text"}', NULL, false, NULL, NULL, NULL, NULL, NULL, 'wamid.OLD3', NULL, true, NULL, '2026-11-21 22:53:36+00', '2026-11-21 22:53:36.475708+00', '2026-11-21 22:53:36.498373+00', NULL),
	('01a20050-ab91-7663-96ea-d1b9bff27ed3', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 1, 'inbound', 'contact', NULL, NULL, 'text', 'hours?', '{}', NULL, false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, NULL, '2026-11-20 09:14:00+00', '2026-11-21 22:53:36.455127+00', '2026-11-21 22:53:36.455127+00', NULL),
	('01a20050-ab91-767b-997c-b23f09f4dddf', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 2, 'outbound', 'bot', NULL, NULL, 'text', '9-5', '{}', NULL, false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, NULL, '2026-11-20 09:14:05+00', '2026-11-21 22:53:36.455127+00', '2026-11-21 22:53:36.455127+00', NULL),
	('01a20050-ab4c-79ea-91b9-ad21e62ea599', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 4, 'inbound', 'contact', NULL, NULL, 'text', 'I need to speak to a human', '{"text":{"body":"I need to speak to a human"},"type":"text"}', NULL, false, NULL, NULL, NULL, NULL, NULL, 'wamid.OLD1', NULL, true, NULL, '2026-11-21 22:53:36+00', '2026-11-21 22:53:36.455127+00', '2026-11-21 22:53:36.481395+00', NULL),
	('01a20050-b758-713b-8621-fbbaca41b3b6', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 6, 'outbound', 'agent', '01a20050-0684-7f42-b48f-8fc92b7bb0ec', 'Ana', 'text', 'Hi Nora', '{"body":"Hi Nora"}', NULL, false, NULL, NULL, 'read', NULL, NULL, 'wamid.HBgLS1A3NVQyQkFEVzY0QUUzSkEyTjZYUlhZV0gAAA==', NULL, false, NULL, NULL, '2026-11-21 22:53:39.54656+00', '2026-11-21 22:53:39.558694+00', NULL),
	('01a20050-b7f2-7077-a5c4-6ef7d024fc84', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab55-77dc-81e5-5da930a53709', '01a20050-ab8a-79f5-b9e5-6e0187766a93', 4, 'outbound', 'agent', '01a20050-0684-7f42-b48f-8fc92b7bb0ec', 'Ana', 'text', 'It is on its way', '{"body":"It is on its way"}', NULL, false, NULL, NULL, 'read', NULL, NULL, 'wamid.HBgLRFBMNUI2Mk5ENFVTRzVBMkg2U1FWREdQWVEAAA==', NULL, false, NULL, NULL, '2026-11-21 22:53:39.698031+00', '2026-11-21 22:53:39.704262+00', NULL),
	('01a20050-bc8a-7697-b86e-56c85aab2a82', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 13, 'inbound', 'contact', NULL, NULL, 'text', 'are you there?', '{"text":{"body":"are you there?"},"type":"text"}', NULL, false, NULL, NULL, NULL, NULL, NULL, 'wamid.OLD5', NULL, true, NULL, '2026-11-21 22:53:40+00', '2026-11-21 22:53:40.87294+00', '2026-11-21 22:53:40.883464+00', NULL),
	('01a20050-ffae-70c1-9c3d-5725a02f18e9', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', 14, 'inbound', 'contact', NULL, NULL, 'text', 'are you still there?', '{"text":{"body":"are you still there?"},"type":"text"}', NULL, false, NULL, NULL, NULL, NULL, NULL, 'wamid.OLD51', NULL, true, NULL, '2026-11-21 22:53:58+00', '2026-11-21 22:53:58.06022+00', '2026-11-21 22:53:58.070239+00', NULL);
INSERT INTO public.notes VALUES
	('01a20050-b78e-7f2d-8597-454cd1865a78', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', '01a20050-0684-7f42-b48f-8fc92b7bb0ec', 'calls on Monday', '2026-11-21 22:53:39.598995+00'),
	('01a20050-b839-7546-a2e7-66fea51d76eb', '01a20050-0678-75a6-b60c-854e2949911e', '01a20050-ab8a-79f5-b9e5-6e0187766a93', '01a20050-0684-7f42-b48f-8fc92b7bb0ec', 'sent again', '2026-11-21 22:53:39.769346+00');
INSERT INTO public.quick_replies VALUES
	('01a20050-c46b-71d1-878d-82e0754c4811', '01a20050-0678-75a6-b60c-854e2949911e', 'hi', 'Hello {{contact.name}}', NULL, NULL, '01a20050-0684-7f42-b48f-8fc92b7bb0ec', '2026-11-21 22:53:42.891119+00', '2026-11-21 22:53:42.891119+00');
INSERT INTO public.receipt_items VALUES
	('01a20050-ab53-76f6-b04b-cede30875dd9', 0, '01a20050-0678-75a6-b60c-854e2949911e', 'message', 'entry[0].changes[0].value.messages[0]', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab55-77dc-81e5-5da930a53709', 1, 'wamid.OLD2', '01a20050-ab56-712d-b804-911fc641ca24', false, 'applied', NULL, NULL),
	('01a20050-ab47-7202-96f5-4cf11feb76d9', 0, '01a20050-0678-75a6-b60c-854e2949911e', 'message', 'entry[0].changes[0].value.messages[0]', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', 1, 'wamid.OLD1', '01a20050-ab4c-79ea-91b9-ad21e62ea599', false, 'applied', NULL, NULL),
	('01a20050-ab5b-7ad6-abfe-325f5c8aaf28', 0, '01a20050-0678-75a6-b60c-854e2949911e', 'message', 'entry[0].changes[0].value.messages[0]', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab5c-7544-94bd-fd14d8bfd07b', 1, 'wamid.OLD3', '01a20050-ab5c-7bef-b252-5ad66e2d5add', false, 'applied', NULL, NULL),
	('01a20050-ab60-701e-871c-7d1b99723461', 0, '01a20050-0678-75a6-b60c-854e2949911e', 'message', 'entry[0].changes[0].value.messages[0]', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab60-79ee-9b9f-e2f1fe2f99d1', 1, 'wamid.OLD4', '01a20050-ab62-71c4-98a0-5373e028cfb8', false, 'applied', NULL, NULL),
	('01a20050-b795-7544-aa65-f6ac04321245', 0, '01a20050-0678-75a6-b60c-854e2949911e', 'status', 'entry[0].changes[0].value.statuses[0]', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', 2, 'wamid.HBgLS1A3NVQyQkFEVzY0QUUzSkEyTjZYUlhZV0gAAA==', '01a20050-b758-713b-8621-fbbaca41b3b6', false, 'applied', NULL, '{"at": "2026-11-21T22:53:39Z", "status": "sent"}'),
	('01a20050-b7c1-7852-9140-eef509a7d547', 0, '01a20050-0678-75a6-b60c-854e2949911e', 'status', 'entry[0].changes[0].value.statuses[0]', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', 3, 'wamid.HBgLS1A3NVQyQkFEVzY0QUUzSkEyTjZYUlhZV0gAAA==', '01a20050-b758-713b-8621-fbbaca41b3b6', false, 'applied', NULL, '{"at": "2026-11-21T22:53:39Z", "status": "delivered"}'),
	('01a20050-b7cb-7bf6-9ccb-2770283df382', 0, '01a20050-0678-75a6-b60c-854e2949911e', 'status', 'entry[0].changes[0].value.statuses[0]', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', 4, 'wamid.HBgLS1A3NVQyQkFEVzY0QUUzSkEyTjZYUlhZV0gAAA==', '01a20050-b758-713b-8621-fbbaca41b3b6', false, 'applied', NULL, '{"at": "2026-11-21T22:53:39Z", "status": "read"}'),
	('01a20050-b818-7d2f-9826-65d1426de0e0', 0, '01a20050-0678-75a6-b60c-854e2949911e', 'status', 'entry[0].changes[0].value.statuses[0]', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab55-77dc-81e5-5da930a53709', 2, 'wamid.HBgLRFBMNUI2Mk5ENFVTRzVBMkg2U1FWREdQWVEAAA==', '01a20050-b7f2-7077-a5c4-6ef7d024fc84', false, 'applied', NULL, '{"at": "2026-11-21T22:53:39Z", "status": "sent"}'),
	('01a20050-b825-7cb4-af7f-3c24f81ce555', 0, '01a20050-0678-75a6-b60c-854e2949911e', 'status', 'entry[0].changes[0].value.statuses[0]', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab55-77dc-81e5-5da930a53709', 3, 'wamid.HBgLRFBMNUI2Mk5ENFVTRzVBMkg2U1FWREdQWVEAAA==', '01a20050-b7f2-7077-a5c4-6ef7d024fc84', false, 'applied', NULL, '{"at": "2026-11-21T22:53:39Z", "status": "delivered"}'),
	('01a20050-b82a-7d55-b633-e8537a5916e5', 0, '01a20050-0678-75a6-b60c-854e2949911e', 'status', 'entry[0].changes[0].value.statuses[0]', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab55-77dc-81e5-5da930a53709', 4, 'wamid.HBgLRFBMNUI2Mk5ENFVTRzVBMkg2U1FWREdQWVEAAA==', '01a20050-b7f2-7077-a5c4-6ef7d024fc84', false, 'applied', NULL, '{"at": "2026-11-21T22:53:39Z", "status": "read"}'),
	('01a20050-bc88-7e65-a5e3-34aa04ee421a', 0, '01a20050-0678-75a6-b60c-854e2949911e', 'message', 'entry[0].changes[0].value.messages[0]', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', 5, 'wamid.OLD5', '01a20050-bc8a-7697-b86e-56c85aab2a82', false, 'applied', NULL, NULL),
	('01a20050-ffac-737e-a3a0-0b1e1842b574', 0, '01a20050-0678-75a6-b60c-854e2949911e', 'message', 'entry[0].changes[0].value.messages[0]', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', 6, 'wamid.OLD51', '01a20050-ffae-70c1-9c3d-5725a02f18e9', false, 'applied', NULL, NULL);
INSERT INTO public.receipts VALUES
	('01a20050-ab47-7202-96f5-4cf11feb76d9', '01a20050-0678-75a6-b60c-854e2949911e', NULL, 'hitlchat', '\x7b226f626a656374223a202277686174736170705f627573696e6573735f6163636f756e74222c2022656e747279223a205b7b226964223a2022313032323930313239333430333938222c20226368616e676573223a205b7b226669656c64223a20226d65737361676573222c202276616c7565223a207b226d6573736167696e675f70726f64756374223a20227768617473617070222c20226d65746164617461223a207b2270686f6e655f6e756d6265725f6964223a2022313036353430333532323432393232227d2c2022636f6e7461637473223a205b7b2270726f66696c65223a207b226e616d65223a20224e6f7261227d2c202277615f6964223a2022343437373030393030313031227d5d2c20226d65737361676573223a205b7b2266726f6d223a2022343437373030393030313031222c20226964223a202277616d69642e4f4c4431222c202274696d657374616d70223a202231373935333031363136222c202274797065223a202274657874222c202274657874223a207b22626f6479223a202249206e65656420746f20737065616b20746f20612068756d616e227d7d5d7d7d5d7d5d2c20227072696f725f686973746f7279223a205b7b22646972656374696f6e223a2022696e626f756e64222c202274657874223a2022686f7572733f222c202274696d657374616d70223a2022323032362d31312d32305430393a31343a30305a227d2c207b22646972656374696f6e223a20226f7574626f756e64222c202274657874223a2022392d35222c202274696d657374616d70223a2022323032362d31312d32305430393a31343a30355a227d5d7d', '\xe9a560a91eb290933d5184e54ab2266e9a2a9422b8a24cdce4687aedb55d86a7', '2026-11-21 22:53:36.455127+00'),
	('01a20050-ab53-76f6-b04b-cede30875dd9', '01a20050-0678-75a6-b60c-854e2949911e', NULL, 'hitlchat', '\x7b226f626a656374223a202277686174736170705f627573696e6573735f6163636f756e74222c2022656e747279223a205b7b226964223a2022313032323930313239333430333938222c20226368616e676573223a205b7b226669656c64223a20226d65737361676573222c202276616c7565223a207b226d6573736167696e675f70726f64756374223a20227768617473617070222c20226d65746164617461223a207b2270686f6e655f6e756d6265725f6964223a2022313036353430333532323432393232227d2c2022636f6e7461637473223a205b7b2270726f66696c65223a207b226e616d65223a20224f6d6172227d2c202277615f6964223a2022343437373030393030313032227d5d2c20226d65737361676573223a205b7b2266726f6d223a2022343437373030393030313032222c20226964223a202277616d69642e4f4c4432222c202274696d657374616d70223a202231373935333031363136222c202274797065223a202274657874222c202274657874223a207b22626f6479223a20226d79206f726465722034373131206973206c617465227d7d5d7d7d5d7d5d7d', '\xbefbc87f7f7d450dc712e33f22a0839f0a33bcfe34d24e4adac91730ef144a2e', '2026-11-21 22:53:36.467454+00'),
	('01a20050-ab5b-7ad6-abfe-325f5c8aaf28', '01a20050-0678-75a6-b60c-854e2949911e', NULL, 'hitlchat', '\x7b226f626a656374223a202277686174736170705f627573696e6573735f6163636f756e74222c2022656e747279223a205b7b226964223a2022313032323930313239333430333938222c20226368616e676573223a205b7b226669656c64223a20226d65737361676573222c202276616c7565223a207b226d6573736167696e675f70726f64756374223a20227768617473617070222c20226d65746164617461223a207b2270686f6e655f6e756d6265725f6964223a2022313036353430333532323432393232227d2c2022636f6e7461637473223a205b7b2270726f66696c65223a207b226e616d65223a2022506961227d2c202277615f6964223a2022343437373030393030313033227d5d2c20226d65737361676573223a205b7b2266726f6d223a2022343437373030393030313033222c20226964223a202277616d69642e4f4c4433222c202274696d657374616d70223a202231373935333031363136222c202274797065223a202274657874222c202274657874223a207b22626f6479223a202268656c6c6f227d7d5d7d7d5d7d5d7d', '\x84736c461acebd5eb58e9255cfd7788d3b6d1391ad6de04887242050ecdfa7c6', '2026-11-21 22:53:36.475708+00'),
	('01a20050-ab60-701e-871c-7d1b99723461', '01a20050-0678-75a6-b60c-854e2949911e', NULL, 'hitlchat', '\x7b226f626a656374223a202277686174736170705f627573696e6573735f6163636f756e74222c2022656e747279223a205b7b226964223a2022313032323930313239333430333938222c20226368616e676573223a205b7b226669656c64223a20226d65737361676573222c202276616c7565223a207b226d6573736167696e675f70726f64756374223a20227768617473617070222c20226d65746164617461223a207b2270686f6e655f6e756d6265725f6964223a2022313036353430333532323432393232227d2c2022636f6e7461637473223a205b7b2270726f66696c65223a207b226e616d65223a20225175696e6e227d2c202277615f6964223a2022343437373030393030313034227d5d2c20226d65737361676573223a205b7b2266726f6d223a2022343437373030393030313034222c20226964223a202277616d69642e4f4c4434222c202274696d657374616d70223a202231373935333031363136222c202274797065223a202274657874222c202274657874223a207b22626f6479223a2022726566756e6420706c65617365227d7d5d7d7d5d7d5d7d', '\xca9aca8fd4b6cf25768c88284d76685cd759a921bd44a607143ecf85720c42d3', '2026-11-21 22:53:36.480003+00'),
	('01a20050-b795-7544-aa65-f6ac04321245', '01a20050-0678-75a6-b60c-854e2949911e', NULL, 'hitlchat', '\x7b22656e747279223a5b7b226368616e676573223a5b7b226669656c64223a226d65737361676573222c2276616c7565223a7b226d6573736167696e675f70726f64756374223a227768617473617070222c226d65746164617461223a7b22646973706c61795f70686f6e655f6e756d626572223a223135353530313030303031222c2270686f6e655f6e756d6265725f6964223a22313036353430333532323432393232227d2c227374617475736573223a5b7b226964223a2277616d69642e4842674c533141334e565179516b4645567a59305155557a536b4579546a5a59556c685a5630674141413d3d222c2270726963696e67223a7b2262696c6c61626c65223a66616c73652c2263617465676f7279223a2273657276696365222c2270726963696e675f6d6f64656c223a22504d50222c2274797065223a22667265655f637573746f6d65725f73657276696365227d2c22726563697069656e745f6964223a22343437373030393030313031222c22737461747573223a2273656e74222c2274696d657374616d70223a2231373935333031363139227d5d7d7d5d2c226964223a22313032323930313239333430333938227d5d2c226f626a656374223a2277686174736170705f627573696e6573735f6163636f756e74227d', '\x0349004b329f7349997a1daea21b65954dc218ce4101aba9f36581ae6187cf99', '2026-11-21 22:53:39.605342+00'),
	('01a20050-b7c1-7852-9140-eef509a7d547', '01a20050-0678-75a6-b60c-854e2949911e', NULL, 'hitlchat', '\x7b22656e747279223a5b7b226368616e676573223a5b7b226669656c64223a226d65737361676573222c2276616c7565223a7b226d6573736167696e675f70726f64756374223a227768617473617070222c226d65746164617461223a7b22646973706c61795f70686f6e655f6e756d626572223a223135353530313030303031222c2270686f6e655f6e756d6265725f6964223a22313036353430333532323432393232227d2c227374617475736573223a5b7b226964223a2277616d69642e4842674c533141334e565179516b4645567a59305155557a536b4579546a5a59556c685a5630674141413d3d222c2270726963696e67223a7b2262696c6c61626c65223a66616c73652c2263617465676f7279223a2273657276696365222c2270726963696e675f6d6f64656c223a22504d50222c2274797065223a22667265655f637573746f6d65725f73657276696365227d2c22726563697069656e745f6964223a22343437373030393030313031222c22737461747573223a2264656c697665726564222c2274696d657374616d70223a2231373935333031363139227d5d7d7d5d2c226964223a22313032323930313239333430333938227d5d2c226f626a656374223a2277686174736170705f627573696e6573735f6163636f756e74227d', '\xc881925456e89776af2ddbc9cf322d777c68b0b229e4eb010018eb3cb5359141', '2026-11-21 22:53:39.649543+00'),
	('01a20050-b7cb-7bf6-9ccb-2770283df382', '01a20050-0678-75a6-b60c-854e2949911e', NULL, 'hitlchat', '\x7b22656e747279223a5b7b226368616e676573223a5b7b226669656c64223a226d65737361676573222c2276616c7565223a7b226d6573736167696e675f70726f64756374223a227768617473617070222c226d65746164617461223a7b22646973706c61795f70686f6e655f6e756d626572223a223135353530313030303031222c2270686f6e655f6e756d6265725f6964223a22313036353430333532323432393232227d2c227374617475736573223a5b7b226964223a2277616d69642e4842674c533141334e565179516b4645567a59305155557a536b4579546a5a59556c685a5630674141413d3d222c2270726963696e67223a7b2262696c6c61626c65223a66616c73652c2263617465676f7279223a2273657276696365222c2270726963696e675f6d6f64656c223a22504d50222c2274797065223a22667265655f637573746f6d65725f73657276696365227d2c22726563697069656e745f6964223a22343437373030393030313031222c22737461747573223a2272656164222c2274696d657374616d70223a2231373935333031363139227d5d7d7d5d2c226964223a22313032323930313239333430333938227d5d2c226f626a656374223a2277686174736170705f627573696e6573735f6163636f756e74227d', '\xab3d48c3732edf2b8ebb33b8695975fd1d7d2cea1f9f5c57b43ade44822668bc', '2026-11-21 22:53:39.659781+00'),
	('01a20050-b818-7d2f-9826-65d1426de0e0', '01a20050-0678-75a6-b60c-854e2949911e', NULL, 'hitlchat', '\x7b22656e747279223a5b7b226368616e676573223a5b7b226669656c64223a226d65737361676573222c2276616c7565223a7b226d6573736167696e675f70726f64756374223a227768617473617070222c226d65746164617461223a7b22646973706c61795f70686f6e655f6e756d626572223a223135353530313030303031222c2270686f6e655f6e756d6265725f6964223a22313036353430333532323432393232227d2c227374617475736573223a5b7b226964223a2277616d69642e4842674c5246424d4e5549324d6b35454e465654527a56424d6b673255314657524564515756454141413d3d222c2270726963696e67223a7b2262696c6c61626c65223a66616c73652c2263617465676f7279223a2273657276696365222c2270726963696e675f6d6f64656c223a22504d50222c2274797065223a22667265655f637573746f6d65725f73657276696365227d2c22726563697069656e745f6964223a22343437373030393030313032222c22737461747573223a2273656e74222c2274696d657374616d70223a2231373935333031363139227d5d7d7d5d2c226964223a22313032323930313239333430333938227d5d2c226f626a656374223a2277686174736170705f627573696e6573735f6163636f756e74227d', '\xfe7c846034cc978418bcd52982de01fa6be85c04abdb3ed0b3ee378a167de394', '2026-11-21 22:53:39.736862+00'),
	('01a20050-b825-7cb4-af7f-3c24f81ce555', '01a20050-0678-75a6-b60c-854e2949911e', NULL, 'hitlchat', '\x7b22656e747279223a5b7b226368616e676573223a5b7b226669656c64223a226d65737361676573222c2276616c7565223a7b226d6573736167696e675f70726f64756374223a227768617473617070222c226d65746164617461223a7b22646973706c61795f70686f6e655f6e756d626572223a223135353530313030303031222c2270686f6e655f6e756d6265725f6964223a22313036353430333532323432393232227d2c227374617475736573223a5b7b226964223a2277616d69642e4842674c5246424d4e5549324d6b35454e465654527a56424d6b673255314657524564515756454141413d3d222c2270726963696e67223a7b2262696c6c61626c65223a66616c73652c2263617465676f7279223a2273657276696365222c2270726963696e675f6d6f64656c223a22504d50222c2274797065223a22667265655f637573746f6d65725f73657276696365227d2c22726563697069656e745f6964223a22343437373030393030313032222c22737461747573223a2264656c697665726564222c2274696d657374616d70223a2231373935333031363139227d5d7d7d5d2c226964223a22313032323930313239333430333938227d5d2c226f626a656374223a2277686174736170705f627573696e6573735f6163636f756e74227d', '\xcffd359d9d6765f2cb96f4fbe23161fd827ebb39ca15511b7fc37f707f302295', '2026-11-21 22:53:39.749831+00'),
	('01a20050-b82a-7d55-b633-e8537a5916e5', '01a20050-0678-75a6-b60c-854e2949911e', NULL, 'hitlchat', '\x7b22656e747279223a5b7b226368616e676573223a5b7b226669656c64223a226d65737361676573222c2276616c7565223a7b226d6573736167696e675f70726f64756374223a227768617473617070222c226d65746164617461223a7b22646973706c61795f70686f6e655f6e756d626572223a223135353530313030303031222c2270686f6e655f6e756d6265725f6964223a22313036353430333532323432393232227d2c227374617475736573223a5b7b226964223a2277616d69642e4842674c5246424d4e5549324d6b35454e465654527a56424d6b673255314657524564515756454141413d3d222c2270726963696e67223a7b2262696c6c61626c65223a66616c73652c2263617465676f7279223a2273657276696365222c2270726963696e675f6d6f64656c223a22504d50222c2274797065223a22667265655f637573746f6d65725f73657276696365227d2c22726563697069656e745f6964223a22343437373030393030313032222c22737461747573223a2272656164222c2274696d657374616d70223a2231373935333031363139227d5d7d7d5d2c226964223a22313032323930313239333430333938227d5d2c226f626a656374223a2277686174736170705f627573696e6573735f6163636f756e74227d', '\x487fe0d580911473dcffbfa24681e45e6972fb5ef29c9b18b1a5060a2078c8bc', '2026-11-21 22:53:39.754872+00'),
	('01a20050-bc88-7e65-a5e3-34aa04ee421a', '01a20050-0678-75a6-b60c-854e2949911e', NULL, 'hitlchat', '\x7b226f626a656374223a202277686174736170705f627573696e6573735f6163636f756e74222c2022656e747279223a205b7b226964223a2022313032323930313239333430333938222c20226368616e676573223a205b7b226669656c64223a20226d65737361676573222c202276616c7565223a207b226d6573736167696e675f70726f64756374223a20227768617473617070222c20226d65746164617461223a207b2270686f6e655f6e756d6265725f6964223a2022313036353430333532323432393232227d2c2022636f6e7461637473223a205b7b2270726f66696c65223a207b226e616d65223a20224e6f7261227d2c202277615f6964223a2022343437373030393030313031227d5d2c20226d65737361676573223a205b7b2266726f6d223a2022343437373030393030313031222c20226964223a202277616d69642e4f4c4435222c202274696d657374616d70223a202231373935333031363230222c202274797065223a202274657874222c202274657874223a207b22626f6479223a202261726520796f752074686572653f227d7d5d7d7d5d7d5d7d', '\xeff5b3ff0bed7b3cd48c291b4584ab5d5d616a4e67348eea7e33e1a83ce468af', '2026-11-21 22:53:40.87294+00'),
	('01a20050-ffac-737e-a3a0-0b1e1842b574', '01a20050-0678-75a6-b60c-854e2949911e', NULL, 'hitlchat', '\x7b226f626a656374223a202277686174736170705f627573696e6573735f6163636f756e74222c2022656e747279223a205b7b226964223a2022313032323930313239333430333938222c20226368616e676573223a205b7b226669656c64223a20226d65737361676573222c202276616c7565223a207b226d6573736167696e675f70726f64756374223a20227768617473617070222c20226d65746164617461223a207b2270686f6e655f6e756d6265725f6964223a2022313036353430333532323432393232227d2c2022636f6e7461637473223a205b7b2270726f66696c65223a207b226e616d65223a20224e6f7261227d2c202277615f6964223a2022343437373030393030313031227d5d2c20226d65737361676573223a205b7b2266726f6d223a2022343437373030393030313031222c20226964223a202277616d69642e4f4c443531222c202274696d657374616d70223a202231373935333031363338222c202274797065223a202274657874222c202274657874223a207b22626f6479223a202261726520796f75207374696c6c2074686572653f227d7d5d7d7d5d7d5d7d', '\x1e590a5d8d975b4cf829753d5b933e8bdb19436df931600a49f5fbb902ab88c3', '2026-11-21 22:53:58.06022+00');
INSERT INTO public.search_cursors VALUES
	('01a20050-0678-75a6-b60c-854e2949911e', '812', 31, '2026-11-21 22:53:58.664616+00');
INSERT INTO public.search_documents VALUES
	('01a20050-0678-75a6-b60c-854e2949911e', 'message', '01a20050-ab62-71c4-98a0-5373e028cfb8', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab60-79ee-9b9f-e2f1fe2f99d1', '01a20050-ab8b-787d-b85f-dbc512f74172', '2026-11-21 22:53:36.480003+00', 'refund please', '{-1616311516,-718026190,-175407321,643021671,864631858,1560947192,1663743714,1835855980}'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'message', '01a20050-ab56-712d-b804-911fc641ca24', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab55-77dc-81e5-5da930a53709', '01a20050-ab8a-79f5-b9e5-6e0187766a93', '2026-11-21 22:53:36.467454+00', 'my order 4711 is late', '{-1425249482,-405089492,-167250595,898355382,909590708,1208509250,1605208817}'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'message', '01a20050-ab5c-7bef-b252-5ad66e2d5add', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab5c-7544-94bd-fd14d8bfd07b', '01a20050-ab88-74b5-b2e0-76a3603a013a', '2026-11-21 22:53:36.475708+00', 'hello', '{-1270260546,1970246444,1998244816}'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'message', '01a20050-ab91-7663-96ea-d1b9bff27ed3', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', '2026-11-21 22:53:36.455127+00', 'hours?', '{-515680571,627506441,1025964337,1477500063}'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'message', '01a20050-ab91-767b-997c-b23f09f4dddf', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', '2026-11-21 22:53:36.455127+00', '9-5', '{54038736}'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'message', '01a20050-ab4c-79ea-91b9-ad21e62ea599', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', '2026-11-21 22:53:36.455127+00', 'i need to speak to a human', '{-1787485733,-1729071232,-1347296387,-206803665,-4322759,1101394995,1171833495,1267294714}'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'contact', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', '2026-11-21 22:53:36.455127+00', 'nora +447700900101', '{-2085785566,-1951564614,-1927944401,-1780287284,-1763680979,-1195577054,-69233000,662794664,858717284,982243477,1417766148,1638764055,2063027946}'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'contact', '01a20050-ab55-77dc-81e5-5da930a53709', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab55-77dc-81e5-5da930a53709', '01a20050-ab8a-79f5-b9e5-6e0187766a93', '2026-11-21 22:53:36.467454+00', 'omar +447700900102', '{-2085785566,-1951564614,-1927944401,-1814013836,-1780287284,-1195577054,-315170566,-69233000,465450573,662794664,858717284,1417766148,1638764055}'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'contact', '01a20050-ab5c-7544-94bd-fd14d8bfd07b', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab5c-7544-94bd-fd14d8bfd07b', '01a20050-ab88-74b5-b2e0-76a3603a013a', '2026-11-21 22:53:36.475708+00', 'pia +447700900103', '{-2085785566,-1951564614,-1927944401,-1797236217,-1780287284,-1195577054,-69233000,62449919,662794664,858717284,1417766148,1638764055}'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'contact', '01a20050-ab60-79ee-9b9f-e2f1fe2f99d1', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab60-79ee-9b9f-e2f1fe2f99d1', '01a20050-ab8b-787d-b85f-dbc512f74172', '2026-11-21 22:53:36.480003+00', 'quinn +447700900104', '{-2085785566,-1951564614,-1927944401,-1868393511,-1847569074,-1780287284,-1195577054,-69233000,662794664,663933998,858717284,1400271620,1417766148,1638764055}'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'message', '01a20050-b758-713b-8621-fbbaca41b3b6', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', '2026-11-21 22:53:39.54656+00', 'hi nora', '{982243477,2063027946}'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'note', '01a20050-b78e-7f2d-8597-454cd1865a78', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', '2026-11-21 22:53:39.598995+00', 'calls on monday', '{-2107405142,606307921,1582718195,1931134340,1947719191,2028082890,2044650140}'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'message', '01a20050-b7f2-7077-a5c4-6ef7d024fc84', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab55-77dc-81e5-5da930a53709', '01a20050-ab8a-79f5-b9e5-6e0187766a93', '2026-11-21 22:53:39.698031+00', 'it is on its way', '{214241827,1969828734}'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'note', '01a20050-b839-7546-a2e7-66fea51d76eb', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab55-77dc-81e5-5da930a53709', '01a20050-ab8a-79f5-b9e5-6e0187766a93', '2026-11-21 22:53:39.769346+00', 'sent again', '{-1659388982,-1624477985,-1596047330,1139878444,1247606781}'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'message', '01a20050-bc8a-7697-b86e-56c85aab2a82', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', '2026-11-21 22:53:40.87294+00', 'are you there?', '{-1955613234,-1795313289,-1509253917,1115230126,1279303891,1475013114}'),
	('01a20050-0678-75a6-b60c-854e2949911e', 'message', '01a20050-ffae-70c1-9c3d-5725a02f18e9', '01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-ab90-7c8a-a4a0-ebc6f51e4df7', '2026-11-21 22:53:58.06022+00', 'are you still there?', '{-1955613234,-1866600556,-1795313289,-1597727429,-1509253917,1115230126,1279303891,1475013114,2112544210}');
INSERT INTO public.team_members VALUES
	('01a20050-0678-75a6-b60c-854e2949911e', '01a20050-068b-7d1a-81bd-a4ee7aabc16f', '01a20050-0684-7f42-b48f-8fc92b7bb0ec'),
	('01a20050-0678-75a6-b60c-854e2949911e', '01a20050-b71e-741a-8b71-e64239a2a79a', '01a20050-0684-7f42-b48f-8fc92b7bb0ec');
INSERT INTO public.teams VALUES
	('01a20050-068b-7d1a-81bd-a4ee7aabc16f', '01a20050-0678-75a6-b60c-854e2949911e', 'Support', 'manual', NULL, NULL, 'keep', '2026-11-21 22:52:54.284283+00', '2026-11-21 22:52:54.284283+00', NULL),
	('01a20050-b71e-741a-8b71-e64239a2a79a', '01a20050-0678-75a6-b60c-854e2949911e', 'Billing', 'manual', NULL, NULL, 'keep', '2026-11-21 22:53:39.486672+00', '2026-11-21 22:53:39.486672+00', NULL);
INSERT INTO public.wakes VALUES
	('01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab5c-7544-94bd-fd14d8bfd07b', '01a20050-0678-75a6-b60c-854e2949911e', 1, '2026-11-21 22:53:36+00', NULL, 0, false, 0, NULL),
	('01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab60-79ee-9b9f-e2f1fe2f99d1', '01a20050-0678-75a6-b60c-854e2949911e', 1, '2026-11-21 22:53:36+00', NULL, 0, false, 0, NULL),
	('01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab55-77dc-81e5-5da930a53709', '01a20050-0678-75a6-b60c-854e2949911e', 4, '2026-11-21 22:53:36+00', NULL, 0, false, 0, NULL),
	('01a20050-067f-7b74-ba2e-fc2bf2796989', '01a20050-ab4a-7723-ae1c-77fca2137b2d', '01a20050-0678-75a6-b60c-854e2949911e', 6, '2026-11-21 22:53:58+00', NULL, 0, false, 0, NULL);
SELECT pg_catalog.setval('public.deliveries_position_seq', 4, true);
SELECT pg_catalog.setval('public.events_position_seq', 31, true);
SELECT pg_catalog.setval('public.goose_db_version_id_seq', 7, true);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_account_id_id_key UNIQUE (account_id, id);
ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_prefix_key UNIQUE (prefix);
ALTER TABLE ONLY public.commands
    ADD CONSTRAINT commands_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.contact_identities
    ADD CONSTRAINT contact_identities_pkey PRIMARY KEY (account_id, kind, value);
ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_account_id_id_key UNIQUE (account_id, id);
ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_account_id_id_key UNIQUE (account_id, id);
ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.delivery_attempts
    ADD CONSTRAINT delivery_attempts_pkey PRIMARY KEY (delivery_id, n);
ALTER TABLE ONLY public.endpoint_secrets
    ADD CONSTRAINT endpoint_secrets_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.endpoints
    ADD CONSTRAINT endpoints_account_id_id_key UNIQUE (account_id, id);
ALTER TABLE ONLY public.endpoints
    ADD CONSTRAINT endpoints_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.goose_db_version
    ADD CONSTRAINT goose_db_version_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (account_id, route, key);
ALTER TABLE ONLY public.inboxes
    ADD CONSTRAINT inboxes_account_id_id_key UNIQUE (account_id, id);
ALTER TABLE ONLY public.inboxes
    ADD CONSTRAINT inboxes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_account_id_id_key UNIQUE (account_id, id);
ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.mentions
    ADD CONSTRAINT mentions_pkey PRIMARY KEY (agent_id, note_id);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.notes
    ADD CONSTRAINT notes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.parked_statuses
    ADD CONSTRAINT parked_statuses_pkey PRIMARY KEY (inbox_id, external_id, status);
ALTER TABLE ONLY public.quick_replies
    ADD CONSTRAINT quick_replies_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.ratings
    ADD CONSTRAINT ratings_pkey PRIMARY KEY (conversation_id);
ALTER TABLE ONLY public.receipt_items
    ADD CONSTRAINT receipt_items_pkey PRIMARY KEY (receipt_id, n);
ALTER TABLE ONLY public.receipts
    ADD CONSTRAINT receipts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.saved_views
    ADD CONSTRAINT saved_views_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.scheduled_messages
    ADD CONSTRAINT scheduled_messages_account_id_id_key UNIQUE (account_id, id);
ALTER TABLE ONLY public.scheduled_messages
    ADD CONSTRAINT scheduled_messages_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.search_cursors
    ADD CONSTRAINT search_cursors_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY public.search_documents
    ADD CONSTRAINT search_documents_pkey PRIMARY KEY (ref_id, inbox_id);
ALTER TABLE ONLY public.team_members
    ADD CONSTRAINT team_members_pkey PRIMARY KEY (team_id, agent_id);
ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_account_id_id_key UNIQUE (account_id, id);
ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.wakes
    ADD CONSTRAINT wakes_pkey PRIMARY KEY (inbox_id, contact_id);
CREATE INDEX agents_presence_idx ON public.agents USING btree (presence_until) WHERE (presence <> 'offline'::text);
CREATE INDEX commands_created_at_idx ON public.commands USING btree (created_at);
CREATE INDEX contact_identities_contact_id_idx ON public.contact_identities USING btree (contact_id);
CREATE INDEX conversations_assignee_idx ON public.conversations USING btree (assignee_id) WHERE (status = ANY (ARRAY['assigned'::text, 'snoozed'::text]));
CREATE INDEX conversations_attributes_idx ON public.conversations USING gin (attributes jsonb_path_ops) WHERE (attributes <> '{}'::jsonb);
CREATE INDEX conversations_by_assignee_idx ON public.conversations USING btree (assignee_id, last_activity_at DESC, id DESC) WHERE (assignee_id IS NOT NULL);
CREATE INDEX conversations_by_inbox_idx ON public.conversations USING btree (inbox_id, last_activity_at DESC, id DESC);
CREATE INDEX conversations_by_team_idx ON public.conversations USING btree (team_id, last_activity_at DESC, id DESC) WHERE (team_id IS NOT NULL);
CREATE INDEX conversations_contact_idx ON public.conversations USING btree (contact_id);
CREATE INDEX conversations_due_idx ON public.conversations USING btree (due_at) WHERE ((status <> 'ended'::text) AND (due_at IS NOT NULL));
CREATE INDEX conversations_ended_idx ON public.conversations USING btree (account_id, ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX conversations_inactive_idx ON public.conversations USING btree (inactive_at) WHERE (status <> 'ended'::text);
CREATE INDEX conversations_list_idx ON public.conversations USING btree (account_id, last_activity_at DESC, id DESC);
CREATE INDEX conversations_offered_idx ON public.conversations USING btree (offered_to) WHERE (offered_to IS NOT NULL);
CREATE UNIQUE INDEX conversations_one_open_key ON public.conversations USING btree (inbox_id, contact_id) WHERE (status <> 'ended'::text);
CREATE INDEX conversations_queue_idx ON public.conversations USING btree (account_id, team_id, priority DESC, queued_at, id) WHERE (status = 'waiting'::text);
CREATE INDEX conversations_status_idx ON public.conversations USING btree (account_id, status, last_activity_at DESC, id DESC);
CREATE INDEX conversations_tagged_idx ON public.conversations USING btree (account_id, id DESC) WHERE (tags <> '{}'::text[]);
CREATE INDEX conversations_tags_idx ON public.conversations USING gin (tags) WHERE (tags <> '{}'::text[]);
CREATE INDEX deliveries_after_idx ON public.deliveries USING btree (after_id) WHERE (after_id IS NOT NULL);
CREATE INDEX deliveries_alone_idx ON public.deliveries USING btree ("position") WHERE ((contact_id IS NULL) AND ((state = 'pending'::text) OR (manual_at IS NOT NULL)));
CREATE INDEX deliveries_endpoint_idx ON public.deliveries USING btree (endpoint_id, state, "position");
CREATE INDEX deliveries_gap_idx ON public.deliveries USING btree (inbox_id, contact_id, endpoint_id) WHERE ((state = 'failed'::text) AND (NOT gap_told));
CREATE INDEX deliveries_lane_idx ON public.deliveries USING btree (inbox_id, contact_id, endpoint_id, "position") WHERE ((state = 'pending'::text) OR (manual_at IS NOT NULL));
CREATE INDEX deliveries_list_idx ON public.deliveries USING btree (account_id, "position" DESC);
CREATE INDEX deliveries_message_idx ON public.deliveries USING btree (message_id) WHERE (message_id IS NOT NULL);
CREATE INDEX delivery_attempts_endpoint_idx ON public.delivery_attempts USING btree (endpoint_id, started_at DESC);
CREATE INDEX endpoint_secrets_endpoint_idx ON public.endpoint_secrets USING btree (endpoint_id, expires_at);
CREATE INDEX endpoint_secrets_expires_at_idx ON public.endpoint_secrets USING btree (expires_at);
CREATE INDEX endpoints_inbox_id_idx ON public.endpoints USING btree (inbox_id) WHERE (deleted_at IS NULL);
CREATE INDEX endpoints_recovered_idx ON public.endpoints USING btree (id) WHERE (recovered_at IS NOT NULL);
CREATE UNIQUE INDEX endpoints_transport_key ON public.endpoints USING btree (inbox_id, transport) WHERE ((transport <> 'webhook'::text) AND (deleted_at IS NULL));
CREATE INDEX events_account_idx ON public.events USING btree (account_id, txid, "position");
CREATE UNIQUE INDEX events_conversation_seq_key ON public.events USING btree (conversation_id, seq);
CREATE INDEX idempotency_keys_created_at_idx ON public.idempotency_keys USING btree (created_at);
CREATE UNIQUE INDEX inboxes_route_key ON public.inboxes USING btree (account_id, waba_id, phone_number_id) WHERE ((deleted_at IS NULL) AND (phone_number_id <> ''::text));
CREATE INDEX media_pending_idx ON public.media USING btree (inbox_id, contact_id, id) WHERE (state = 'pending'::text);
CREATE INDEX mentions_note_idx ON public.mentions USING btree (note_id);
CREATE INDEX mentions_unread_idx ON public.mentions USING btree (agent_id, note_id) WHERE (read_at IS NULL);
CREATE INDEX messages_callback_data_idx ON public.messages USING btree (inbox_id, callback_data) WHERE (callback_data IS NOT NULL);
CREATE UNIQUE INDEX messages_conversation_seq_key ON public.messages USING btree (conversation_id, seq);
CREATE INDEX messages_echo_idx ON public.messages USING btree (inbox_id, contact_id, created_at) WHERE (echo_keys IS NOT NULL);
CREATE UNIQUE INDEX messages_external_id_key ON public.messages USING btree (inbox_id, external_id) WHERE (external_id IS NOT NULL);
CREATE INDEX messages_media_id_idx ON public.messages USING btree (media_id) WHERE (media_id IS NOT NULL);
CREATE INDEX messages_retry_of_idx ON public.messages USING btree (retry_of) WHERE (retry_of IS NOT NULL);
CREATE INDEX messages_shadow_idx ON public.messages USING btree (inbox_id, contact_id, created_at) WHERE shadow;
CREATE INDEX notes_conversation_id_idx ON public.notes USING btree (conversation_id, id);
CREATE INDEX parked_statuses_parked_at_idx ON public.parked_statuses USING btree (parked_at);
CREATE INDEX quick_replies_account_idx ON public.quick_replies USING btree (account_id, id);
CREATE UNIQUE INDEX quick_replies_shortcut_key ON public.quick_replies USING btree (account_id, lower(shortcut), inbox_id, team_id, agent_id) NULLS NOT DISTINCT;
CREATE INDEX ratings_account_idx ON public.ratings USING btree (account_id, given_at DESC, conversation_id DESC);
CREATE UNIQUE INDEX receipt_items_unapplied_idx ON public.receipt_items USING btree (inbox_id, contact_id, intake) WHERE (outcome = 'accepted'::text);
CREATE UNIQUE INDEX receipts_forwarded_key ON public.receipts USING btree (inbox_id, sha256) WHERE (inbox_id IS NOT NULL);
CREATE UNIQUE INDEX saved_views_name_key ON public.saved_views USING btree (account_id, COALESCE(agent_id, account_id), lower(name));
CREATE INDEX scheduled_messages_conversation_idx ON public.scheduled_messages USING btree (conversation_id, id);
CREATE INDEX search_documents_at_idx ON public.search_documents USING btree (account_id, at DESC, ref_id DESC, inbox_id DESC);
CREATE INDEX search_documents_contact_idx ON public.search_documents USING btree (contact_id);
CREATE INDEX search_documents_conversation_idx ON public.search_documents USING btree (conversation_id);
CREATE INDEX search_documents_grams_idx ON public.search_documents USING gin (grams);
CREATE INDEX team_members_agent_idx ON public.team_members USING btree (agent_id);
CREATE UNIQUE INDEX teams_name_key ON public.teams USING btree (account_id, lower(name)) WHERE (deleted_at IS NULL);
CREATE INDEX wakes_raised_idx ON public.wakes USING btree (next_signal_at) WHERE raised;
CREATE TRIGGER events_notify AFTER INSERT ON public.events FOR EACH STATEMENT EXECUTE FUNCTION public.notify_events();
ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_account_id_agent_id_fkey FOREIGN KEY (account_id, agent_id) REFERENCES public.agents(account_id, id);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_account_id_inbox_id_fkey FOREIGN KEY (account_id, inbox_id) REFERENCES public.inboxes(account_id, id);
ALTER TABLE ONLY public.commands
    ADD CONSTRAINT commands_conversation_id_fkey FOREIGN KEY (conversation_id) REFERENCES public.conversations(id);
ALTER TABLE ONLY public.contact_identities
    ADD CONSTRAINT contact_identities_account_id_contact_id_fkey FOREIGN KEY (account_id, contact_id) REFERENCES public.contacts(account_id, id);
ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_account_id_assignee_id_fkey FOREIGN KEY (account_id, assignee_id) REFERENCES public.agents(account_id, id);
ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_account_id_contact_id_fkey FOREIGN KEY (account_id, contact_id) REFERENCES public.contacts(account_id, id);
ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_account_id_inbox_id_fkey FOREIGN KEY (account_id, inbox_id) REFERENCES public.inboxes(account_id, id);
ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_offered_fkey FOREIGN KEY (account_id, offered_to) REFERENCES public.agents(account_id, id);
ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_previous_fkey FOREIGN KEY (account_id, previous_id) REFERENCES public.conversations(account_id, id);
ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_team_fkey FOREIGN KEY (account_id, team_id) REFERENCES public.teams(account_id, id);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT deliveries_account_id_conversation_id_fkey FOREIGN KEY (account_id, conversation_id) REFERENCES public.conversations(account_id, id);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT deliveries_account_id_endpoint_id_fkey FOREIGN KEY (account_id, endpoint_id) REFERENCES public.endpoints(account_id, id);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT deliveries_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id);
ALTER TABLE ONLY public.delivery_attempts
    ADD CONSTRAINT delivery_attempts_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES public.deliveries(id);
ALTER TABLE ONLY public.endpoint_secrets
    ADD CONSTRAINT endpoint_secrets_account_id_endpoint_id_fkey FOREIGN KEY (account_id, endpoint_id) REFERENCES public.endpoints(account_id, id);
ALTER TABLE ONLY public.endpoints
    ADD CONSTRAINT endpoints_account_id_inbox_id_fkey FOREIGN KEY (account_id, inbox_id) REFERENCES public.inboxes(account_id, id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_account_id_conversation_id_fkey FOREIGN KEY (account_id, conversation_id) REFERENCES public.conversations(account_id, id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.inboxes
    ADD CONSTRAINT inboxes_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.inboxes
    ADD CONSTRAINT inboxes_team_fkey FOREIGN KEY (account_id, team_id) REFERENCES public.teams(account_id, id);
ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_account_id_contact_id_fkey FOREIGN KEY (account_id, contact_id) REFERENCES public.contacts(account_id, id);
ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_account_id_inbox_id_fkey FOREIGN KEY (account_id, inbox_id) REFERENCES public.inboxes(account_id, id);
ALTER TABLE ONLY public.mentions
    ADD CONSTRAINT mentions_account_id_agent_id_fkey FOREIGN KEY (account_id, agent_id) REFERENCES public.agents(account_id, id);
ALTER TABLE ONLY public.mentions
    ADD CONSTRAINT mentions_note_id_fkey FOREIGN KEY (note_id) REFERENCES public.notes(id);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_account_id_contact_id_fkey FOREIGN KEY (account_id, contact_id) REFERENCES public.contacts(account_id, id);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_account_id_conversation_id_fkey FOREIGN KEY (account_id, conversation_id) REFERENCES public.conversations(account_id, id);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_account_id_inbox_id_fkey FOREIGN KEY (account_id, inbox_id) REFERENCES public.inboxes(account_id, id);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_account_id_media_id_fkey FOREIGN KEY (account_id, media_id) REFERENCES public.media(account_id, id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_retry_of_fkey FOREIGN KEY (retry_of) REFERENCES public.messages(id);
ALTER TABLE ONLY public.notes
    ADD CONSTRAINT notes_account_id_agent_id_fkey FOREIGN KEY (account_id, agent_id) REFERENCES public.agents(account_id, id);
ALTER TABLE ONLY public.notes
    ADD CONSTRAINT notes_account_id_conversation_id_fkey FOREIGN KEY (account_id, conversation_id) REFERENCES public.conversations(account_id, id);
ALTER TABLE ONLY public.parked_statuses
    ADD CONSTRAINT parked_statuses_inbox_id_fkey FOREIGN KEY (inbox_id) REFERENCES public.inboxes(id);
ALTER TABLE ONLY public.quick_replies
    ADD CONSTRAINT quick_replies_account_id_agent_id_fkey FOREIGN KEY (account_id, agent_id) REFERENCES public.agents(account_id, id);
ALTER TABLE ONLY public.quick_replies
    ADD CONSTRAINT quick_replies_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.quick_replies
    ADD CONSTRAINT quick_replies_account_id_inbox_id_fkey FOREIGN KEY (account_id, inbox_id) REFERENCES public.inboxes(account_id, id);
ALTER TABLE ONLY public.quick_replies
    ADD CONSTRAINT quick_replies_account_id_team_id_fkey FOREIGN KEY (account_id, team_id) REFERENCES public.teams(account_id, id);
ALTER TABLE ONLY public.ratings
    ADD CONSTRAINT ratings_account_id_agent_id_fkey FOREIGN KEY (account_id, agent_id) REFERENCES public.agents(account_id, id);
ALTER TABLE ONLY public.ratings
    ADD CONSTRAINT ratings_account_id_conversation_id_fkey FOREIGN KEY (account_id, conversation_id) REFERENCES public.conversations(account_id, id);
ALTER TABLE ONLY public.ratings
    ADD CONSTRAINT ratings_account_id_inbox_id_fkey FOREIGN KEY (account_id, inbox_id) REFERENCES public.inboxes(account_id, id);
ALTER TABLE ONLY public.receipt_items
    ADD CONSTRAINT receipt_items_receipt_id_fkey FOREIGN KEY (receipt_id) REFERENCES public.receipts(id);
ALTER TABLE ONLY public.receipts
    ADD CONSTRAINT receipts_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.saved_views
    ADD CONSTRAINT saved_views_account_id_agent_id_fkey FOREIGN KEY (account_id, agent_id) REFERENCES public.agents(account_id, id);
ALTER TABLE ONLY public.saved_views
    ADD CONSTRAINT saved_views_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.scheduled_messages
    ADD CONSTRAINT scheduled_messages_account_id_agent_id_fkey FOREIGN KEY (account_id, agent_id) REFERENCES public.agents(account_id, id);
ALTER TABLE ONLY public.scheduled_messages
    ADD CONSTRAINT scheduled_messages_account_id_conversation_id_fkey FOREIGN KEY (account_id, conversation_id) REFERENCES public.conversations(account_id, id);
ALTER TABLE ONLY public.scheduled_messages
    ADD CONSTRAINT scheduled_messages_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.messages(id);
ALTER TABLE ONLY public.scheduled_messages
    ADD CONSTRAINT scheduled_messages_otherwise_id_fkey FOREIGN KEY (otherwise_id) REFERENCES public.messages(id);
ALTER TABLE ONLY public.search_cursors
    ADD CONSTRAINT search_cursors_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.team_members
    ADD CONSTRAINT team_members_account_id_agent_id_fkey FOREIGN KEY (account_id, agent_id) REFERENCES public.agents(account_id, id);
ALTER TABLE ONLY public.team_members
    ADD CONSTRAINT team_members_account_id_team_id_fkey FOREIGN KEY (account_id, team_id) REFERENCES public.teams(account_id, id);
ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.wakes
    ADD CONSTRAINT wakes_account_id_contact_id_fkey FOREIGN KEY (account_id, contact_id) REFERENCES public.contacts(account_id, id);
ALTER TABLE ONLY public.wakes
    ADD CONSTRAINT wakes_account_id_inbox_id_fkey FOREIGN KEY (account_id, inbox_id) REFERENCES public.inboxes(account_id, id);
