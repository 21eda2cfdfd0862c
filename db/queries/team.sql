-- name: TeamInsert :one
INSERT INTO teams (id, account_id, name, assignment, offer_seconds, silent_seconds, when_away)
VALUES (@id, @account_id, @name, @assignment, @offer_seconds, @silent_seconds, @when_away)
RETURNING *;

-- name: TeamUpdate :one
UPDATE teams SET name = @name, assignment = @assignment, offer_seconds = @offer_seconds, silent_seconds = @silent_seconds,
    when_away = @when_away, updated_at = now()
WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL
RETURNING *;

-- name: TeamGet :one
SELECT * FROM teams WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL;

-- name: TeamGetForChange :one
SELECT * FROM teams WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL FOR NO KEY UPDATE;

-- name: TeamGetForDelete :one
-- It waits for whoever makes something refer to the team, and they wait for it.
SELECT * FROM teams WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL FOR UPDATE;

-- name: TeamShare :one
-- For what is about to refer to the team: it is not deleted before that is done.
SELECT id FROM teams WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL FOR KEY SHARE;

-- name: TeamList :many
SELECT * FROM teams WHERE account_id = @account_id AND deleted_at IS NULL AND id > @after_id ORDER BY id LIMIT @row_limit;

-- name: TeamDelete :exec
WITH members AS (DELETE FROM team_members m WHERE m.team_id = @id)
UPDATE teams SET deleted_at = now() WHERE teams.id = @id;

-- name: TeamInboxes :many
-- Inboxes that a team may be needed by, by default or by a rule.
SELECT * FROM inboxes WHERE account_id = @account_id AND deleted_at IS NULL AND (team_id = @team_id OR routing IS NOT NULL) ORDER BY id;

-- name: TeamHasOpen :one
SELECT EXISTS (SELECT FROM conversations WHERE account_id = @account_id AND team_id = @team_id AND status IN ('bot', 'waiting', 'assigned', 'snoozed'))::boolean;

-- name: TeamMemberAdd :exec
INSERT INTO team_members (account_id, team_id, agent_id) VALUES (@account_id, @team_id, @agent_id) ON CONFLICT DO NOTHING;

-- name: TeamMemberRemove :exec
DELETE FROM team_members WHERE account_id = @account_id AND team_id = @team_id AND agent_id = @agent_id;

-- name: TeamMemberList :many
SELECT a.* FROM team_members m JOIN agents a ON a.id = m.agent_id
WHERE m.account_id = @account_id AND m.team_id = @team_id AND a.id > @after_id ORDER BY a.id LIMIT @row_limit;

-- name: TeamListByAgents :many
SELECT m.agent_id, t.id, t.name FROM team_members m JOIN teams t ON t.id = m.team_id
WHERE m.account_id = @account_id AND m.agent_id = ANY(@agent_ids::uuid[]) AND t.deleted_at IS NULL
ORDER BY m.agent_id, lower(t.name);

-- name: TeamWaiting :one
SELECT count(*) AS waiting, coalesce(min(coalesce(queued_at, opened_at)), 'epoch')::timestamptz AS oldest_at
FROM conversations WHERE account_id = @account_id AND team_id = @team_id AND status = 'waiting';

-- name: TeamAgents :many
-- Members with what they have or are offered, of any team.
SELECT a.id, a.presence, a.presence_until, a.capacity,
    ((SELECT count(*) FROM conversations c WHERE c.assignee_id = a.id AND c.status = 'assigned')
     + (SELECT count(*) FROM conversations c WHERE c.offered_to = a.id AND c.status <> 'ended'))::bigint AS held
FROM team_members m JOIN agents a ON a.id = m.agent_id
WHERE m.account_id = @account_id AND m.team_id = @team_id AND a.disabled_at IS NULL;

-- name: TeamServed :many
-- When conversations of a line last found their agents; those without a team are a line too. A conversation in which nobody has written
-- since is left out, for the sake of the index: few, because whoever claims one answers.
SELECT e.at FROM conversations c JOIN events e ON e.conversation_id = c.id
WHERE c.account_id = @account_id AND c.team_id IS NOT DISTINCT FROM sqlc.narg('team_id')::uuid AND c.last_activity_at > @since
  AND e.type = 'conversation.claimed' AND e.at > @since
ORDER BY e.at DESC LIMIT @row_limit;

-- name: ConversationAhead :one
-- How many of the same line come before a conversation.
SELECT count(*) FROM conversations o
WHERE o.account_id = @account_id AND o.team_id IS NOT DISTINCT FROM sqlc.narg('team_id')::uuid AND o.status = 'waiting'
  AND (o.priority > @priority OR (o.priority = @priority AND (coalesce(o.queued_at, o.opened_at), o.id) < (@queued_at::timestamptz, @id::uuid)));
