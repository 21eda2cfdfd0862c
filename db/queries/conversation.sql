-- name: ConversationInsert :exec
-- Everything else is written by the ConversationUpdate that follows in the same transaction.
INSERT INTO conversations (id, account_id, inbox_id, contact_id, status, opened_at, last_activity_at, inactive_at, notice_at, source, windowed,
    tags, attributes, previous_id)
VALUES (@id, @account_id, @inbox_id, @contact_id, @status, @opened_at, @opened_at, @inactive_at, @notice_at, @source, @windowed,
    @tags, @attributes, @previous_id);

-- name: ConversationGet :one
SELECT * FROM conversations WHERE account_id = @account_id AND id = @id;

-- name: ConversationLockLatest :one
-- The open conversation of a contact, or else the last one.
SELECT * FROM conversations WHERE inbox_id = @inbox_id AND contact_id = @contact_id
ORDER BY (status <> 'ended') DESC, opened_at DESC, id DESC LIMIT 1
FOR UPDATE;

-- name: ConversationUpdate :exec
-- Tags, attributes and priority are not among them where they are changed without the workflow, but this is written under the row's
-- lock, from what was read under it.
UPDATE conversations SET status = @status, end_reason = @end_reason, assignee_id = @assignee_id, version = @version,
    last_seq = @last_seq, unread_count = @unread_count, last_message_id = @last_message_id,
    window_expires_at = @window_expires_at, last_activity_at = @last_activity_at, inactive_at = @inactive_at,
    ended_at = @ended_at, disposition = @disposition, notice_at = @notice_at, source = @source, offload = @offload,
    team_id = @team_id, priority = @priority, skills = @skills, queued_at = @queued_at, control_since = @control_since,
    control_reason = @control_reason, offered_to = @offered_to, offered_bot = @offered_bot, offer_expires_at = @offer_expires_at,
    passed_by = @passed_by, snoozed_until = @snoozed_until, awaiting_since = @awaiting_since, first_responded_at = @first_responded_at,
    response_due_at = @response_due_at, response_notice_at = @response_notice_at, silent_at = @silent_at,
    window_notice_at = @window_notice_at, resolve_at = @resolve_at, resolve_by = @resolve_by, scheduled = @scheduled,
    scheduled_at = @scheduled_at, tags = @tags
WHERE id = @id;

-- name: ConversationNextSeq :one
-- A number for an event outside the workflow's own writes. An ended conversation gives none: its end is its last event.
UPDATE conversations SET last_seq = last_seq + 1 WHERE id = @id AND status <> 'ended' RETURNING last_seq;

-- name: ConversationSetSeq :exec
-- For events that change nothing else, under the row's lock.
UPDATE conversations SET last_seq = @last_seq WHERE id = @id;

-- name: ConversationDetail :one
SELECT sqlc.embed(c), ct.name AS contact_name, a.name AS assignee_name, t.name AS team_name, o.name AS offered_name
FROM conversations c
JOIN contacts ct ON ct.id = c.contact_id
LEFT JOIN agents a ON a.id = c.assignee_id
LEFT JOIN teams t ON t.id = c.team_id
LEFT JOIN agents o ON o.id = c.offered_to
WHERE c.account_id = @account_id AND c.id = @id;

-- name: ConversationList :many
-- With plans for its arguments (see Planned) the absent filters vanish, and so do the orders that nobody asked for: the newest first
-- unless oldest or queue is set. Its filters are those of ConversationCounts. What surrounds a conversation is read for those of the page only.
SELECT sqlc.embed(c), ct.name AS contact_name, a.name AS assignee_name, t.name AS team_name, o.name AS offered_name
FROM conversations c
JOIN contacts ct ON ct.id = c.contact_id
LEFT JOIN agents a ON a.id = c.assignee_id
LEFT JOIN teams t ON t.id = c.team_id
LEFT JOIN agents o ON o.id = c.offered_to
WHERE c.id IN (
    SELECT k.id FROM conversations k
    WHERE k.account_id = @account_id
      AND (cardinality(@statuses::text[]) = 0 OR k.status = ANY(@statuses::text[]))
      AND (sqlc.narg('inbox_id')::uuid IS NULL OR k.inbox_id = sqlc.narg('inbox_id'))
      AND (sqlc.narg('assignee_id')::uuid IS NULL OR k.assignee_id = sqlc.narg('assignee_id'))
      AND (@unassigned::boolean IS NOT TRUE OR k.assignee_id IS NULL)
      AND (sqlc.narg('team_id')::uuid IS NULL OR k.team_id = sqlc.narg('team_id'))
      AND (@teamless::boolean IS NOT TRUE OR k.team_id IS NULL)
      AND (sqlc.narg('contact_id')::uuid IS NULL OR k.contact_id = sqlc.narg('contact_id'))
      AND (@tags::text[] IS NULL OR (k.tags <> '{}' AND k.tags @> @tags::text[]))
      AND (@attributes::jsonb IS NULL OR (k.attributes <> '{}' AND k.attributes @> @attributes::jsonb))
      AND (@priorities::smallint[] IS NULL OR k.priority = ANY(@priorities::smallint[]))
      AND (@unread::boolean IS NOT TRUE OR k.unread_count > 0)
      AND (sqlc.narg('opened_after')::timestamptz IS NULL
           -- Nothing is active before it is opened: the index by activity ends there.
           OR (k.opened_at >= sqlc.narg('opened_after')::timestamptz AND k.last_activity_at >= sqlc.narg('opened_after')::timestamptz))
      AND (sqlc.narg('opened_before')::timestamptz IS NULL OR k.opened_at < sqlc.narg('opened_before')::timestamptz)
      AND (sqlc.narg('active_after')::timestamptz IS NULL OR k.last_activity_at >= sqlc.narg('active_after')::timestamptz)
      AND (sqlc.narg('active_before')::timestamptz IS NULL OR k.last_activity_at < sqlc.narg('active_before')::timestamptz)
      AND (sqlc.narg('ended_after')::timestamptz IS NULL OR k.ended_at >= sqlc.narg('ended_after')::timestamptz)
      AND (sqlc.narg('ended_before')::timestamptz IS NULL OR k.ended_at < sqlc.narg('ended_before')::timestamptz)
      -- What a search has found: all of it where it is little, and else each conversation is looked at.
      AND (@found_conversations::uuid[] IS NULL
           OR k.id = ANY(@found_conversations::uuid[]) OR k.contact_id = ANY(@found_contacts::uuid[]))
      AND (@patterns::text[] IS NULL
           OR EXISTS (SELECT FROM search_documents d WHERE d.conversation_id = k.id AND d.kind <> 'contact' AND d.text LIKE ALL(@patterns::text[]))
           OR EXISTS (SELECT FROM search_documents d WHERE d.ref_id = k.contact_id AND d.text LIKE ALL(@patterns::text[])))
      AND (sqlc.narg('before_at')::timestamptz IS NULL
           OR (k.last_activity_at, k.id) < (sqlc.narg('before_at')::timestamptz, sqlc.narg('position_id')::uuid))
      AND (sqlc.narg('after_at')::timestamptz IS NULL
           OR (k.last_activity_at, k.id) > (sqlc.narg('after_at')::timestamptz, sqlc.narg('position_id')::uuid))
      AND (sqlc.narg('after_queued')::timestamptz IS NULL
           OR k.priority < sqlc.narg('after_priority')::smallint
           OR (k.priority = sqlc.narg('after_priority')::smallint
               AND (coalesce(k.queued_at, k.opened_at), k.id) > (sqlc.narg('after_queued')::timestamptz, sqlc.narg('position_id')::uuid)))
    ORDER BY
        CASE WHEN NOT (@oldest::boolean OR @queue::boolean) THEN k.last_activity_at END DESC,
        CASE WHEN NOT (@oldest::boolean OR @queue::boolean) THEN k.id END DESC,
        CASE WHEN @oldest::boolean THEN k.last_activity_at END,
        CASE WHEN @queue::boolean THEN k.priority END DESC,
        CASE WHEN @queue::boolean THEN coalesce(k.queued_at, k.opened_at) END,
        k.id
    LIMIT @row_limit)
ORDER BY
    CASE WHEN NOT (@oldest::boolean OR @queue::boolean) THEN c.last_activity_at END DESC,
    CASE WHEN NOT (@oldest::boolean OR @queue::boolean) THEN c.id END DESC,
    CASE WHEN @oldest::boolean THEN c.last_activity_at END,
    CASE WHEN @queue::boolean THEN c.priority END DESC,
    CASE WHEN @queue::boolean THEN coalesce(c.queued_at, c.opened_at) END,
    c.id;

-- name: ConversationCounts :many
-- How many conversations of each sort there are, for the totals that the caller makes of them. Its filters are those of ConversationList.
SELECT c.status, c.team_id, (c.assignee_id IS NOT DISTINCT FROM sqlc.narg('me')::uuid)::boolean AS mine,
    (c.assignee_id IS NULL)::boolean AS unassigned, (c.unread_count > 0)::boolean AS unread, count(*) AS conversations
FROM conversations c
WHERE c.account_id = @account_id
  AND (cardinality(@statuses::text[]) = 0 OR c.status = ANY(@statuses::text[]))
  AND (sqlc.narg('inbox_id')::uuid IS NULL OR c.inbox_id = sqlc.narg('inbox_id'))
  AND (sqlc.narg('assignee_id')::uuid IS NULL OR c.assignee_id = sqlc.narg('assignee_id'))
  AND (@unassigned::boolean IS NOT TRUE OR c.assignee_id IS NULL)
  AND (sqlc.narg('team_id')::uuid IS NULL OR c.team_id = sqlc.narg('team_id'))
  AND (@teamless::boolean IS NOT TRUE OR c.team_id IS NULL)
  AND (sqlc.narg('contact_id')::uuid IS NULL OR c.contact_id = sqlc.narg('contact_id'))
  AND (@tags::text[] IS NULL OR (c.tags <> '{}' AND c.tags @> @tags::text[]))
  AND (@attributes::jsonb IS NULL OR (c.attributes <> '{}' AND c.attributes @> @attributes::jsonb))
  AND (@priorities::smallint[] IS NULL OR c.priority = ANY(@priorities::smallint[]))
  AND (@unread::boolean IS NOT TRUE OR c.unread_count > 0)
  AND (sqlc.narg('opened_after')::timestamptz IS NULL
       -- Nothing is active before it is opened: the index by activity ends there.
       OR (c.opened_at >= sqlc.narg('opened_after')::timestamptz AND c.last_activity_at >= sqlc.narg('opened_after')::timestamptz))
  AND (sqlc.narg('opened_before')::timestamptz IS NULL OR c.opened_at < sqlc.narg('opened_before')::timestamptz)
  AND (sqlc.narg('active_after')::timestamptz IS NULL OR c.last_activity_at >= sqlc.narg('active_after')::timestamptz)
  AND (sqlc.narg('active_before')::timestamptz IS NULL OR c.last_activity_at < sqlc.narg('active_before')::timestamptz)
  AND (sqlc.narg('ended_after')::timestamptz IS NULL OR c.ended_at >= sqlc.narg('ended_after')::timestamptz)
  AND (sqlc.narg('ended_before')::timestamptz IS NULL OR c.ended_at < sqlc.narg('ended_before')::timestamptz)
  -- What a search has found: all of it where it is little, and else each conversation is looked at.
  AND (@found_conversations::uuid[] IS NULL
       OR c.id = ANY(@found_conversations::uuid[]) OR c.contact_id = ANY(@found_contacts::uuid[]))
  AND (@patterns::text[] IS NULL
       OR EXISTS (SELECT FROM search_documents d WHERE d.conversation_id = c.id AND d.kind <> 'contact' AND d.text LIKE ALL(@patterns::text[]))
       OR EXISTS (SELECT FROM search_documents d WHERE d.ref_id = c.contact_id AND d.text LIKE ALL(@patterns::text[])))
GROUP BY 1, 2, 3, 4, 5;

-- name: ConversationStats :one
-- What Kapso's events say of a conversation.
SELECT count(*) AS messages,
    coalesce(max(coalesce(m.sent_at, m.created_at)) FILTER (WHERE m.direction = 'inbound'), 'epoch')::timestamptz AS last_inbound_at,
    coalesce(max(coalesce(m.sent_at, m.created_at)) FILTER (WHERE m.direction = 'outbound'), 'epoch')::timestamptz AS last_outbound_at
FROM messages m WHERE m.conversation_id = @conversation_id;
