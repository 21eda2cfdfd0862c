-- The line of a team, and who may be given what stands in it.

-- name: TeamLock :one
-- Whoever assigns by the team's plan takes turns.
SELECT * FROM teams WHERE account_id = @account_id AND id = @id FOR NO KEY UPDATE;

-- name: TeamGetAny :one
-- Deleted ones too: what was queued there still has its place.
SELECT * FROM teams WHERE account_id = @account_id AND id = @id;

-- name: LineWaiting :many
-- What waits to be given to an agent, the first first. The limit is far more than agents can take at once.
SELECT id, inbox_id, contact_id, priority, queued_at, opened_at, control_since, skills, passed_by FROM conversations
WHERE account_id = @account_id AND team_id = @team_id AND status = 'waiting' AND offered_to IS NULL AND NOT offered_bot
ORDER BY priority DESC, queued_at, id LIMIT @row_limit;

-- name: LineAgents :many
-- The members of a team who are online, and how many conversations each has or is offered, one apart that is being given away.
SELECT a.id, a.name, a.skills, a.capacity, a.assigned_at,
    ((SELECT count(*) FROM conversations c WHERE c.assignee_id = a.id AND c.status = 'assigned' AND c.id <> @except_id)
     + (SELECT count(*) FROM conversations c WHERE c.offered_to = a.id AND c.status <> 'ended' AND c.id <> @except_id))::bigint AS held
FROM team_members m JOIN agents a ON a.id = m.agent_id
WHERE m.account_id = @account_id AND m.team_id = @team_id AND a.disabled_at IS NULL AND a.presence = 'online' AND a.presence_until > @now::timestamptz
ORDER BY a.id;

-- name: LineAgentsLock :exec
-- One agent may be in several teams, whose plans know nothing of each other: whoever gives conversations away locks all whom it may give
-- them to, in one order. What they hold is counted by a later statement: this one would count as of before it waited.
SELECT a.id FROM team_members m JOIN agents a ON a.id = m.agent_id
WHERE m.account_id = @account_id AND m.team_id = @team_id ORDER BY a.id FOR NO KEY UPDATE OF a;

-- name: AgentAssigned :exec
UPDATE agents SET assigned_at = @assigned_at WHERE id = @id;

-- name: AgentSetAway :execrows
UPDATE agents SET presence = 'away', presence_since = @since WHERE id = @id AND presence = 'online';

-- name: LineTeams :many
-- Teams whose conversations are assigned automatically, and in whose line something waits.
SELECT t.* FROM teams t
WHERE t.assignment <> 'manual' AND EXISTS (
    SELECT FROM conversations c
    WHERE c.account_id = t.account_id AND c.team_id = t.id AND c.status = 'waiting' AND c.offered_to IS NULL AND NOT c.offered_bot)
ORDER BY t.id;

-- name: LineDeserted :many
-- Conversations whose assignee is not online any more, in teams that take them back. Whoever took one by hand without being online keeps
-- it until they have been and are not any more.
SELECT c.account_id, c.inbox_id, c.contact_id FROM teams t
JOIN conversations c ON c.account_id = t.account_id AND c.team_id = t.id AND c.status = 'assigned'
JOIN agents a ON a.id = c.assignee_id
WHERE t.when_away = 'requeue' AND (a.disabled_at IS NOT NULL OR (
    (a.presence <> 'online' OR a.presence_until IS NULL OR a.presence_until <= @now::timestamptz)
    AND (c.control_reason = 'assigned' OR coalesce(CASE WHEN a.presence <> 'online' THEN a.presence_since END, a.presence_until) > c.control_since)))
ORDER BY c.inbox_id, c.contact_id LIMIT @row_limit;

-- name: ScheduledInsert :exec
INSERT INTO scheduled_messages (id, account_id, inbox_id, contact_id, conversation_id, agent_id, message_id, otherwise_id, due_at, created_at)
VALUES (@id, @account_id, @inbox_id, @contact_id, @conversation_id, @agent_id, @message_id, @otherwise_id, @due_at, @created_at);

-- name: ScheduledListPending :many
SELECT * FROM scheduled_messages WHERE conversation_id = @conversation_id AND state = 'pending' ORDER BY id FOR UPDATE;

-- name: ScheduledFinish :exec
UPDATE scheduled_messages SET state = @state, sent_id = @sent_id, reason = @reason, finished_at = @finished_at WHERE id = @id;

-- name: ScheduledList :many
SELECT * FROM scheduled_messages
WHERE account_id = @account_id AND conversation_id = @conversation_id AND id > @after_id
ORDER BY id LIMIT @row_limit;

-- name: ScheduledGet :one
SELECT * FROM scheduled_messages WHERE account_id = @account_id AND conversation_id = @conversation_id AND id = @id;
