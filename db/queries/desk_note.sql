-- name: NoteInsert :one
INSERT INTO notes (id, account_id, conversation_id, agent_id, text, created_at)
VALUES (@id, @account_id, @conversation_id, @agent_id, @text, @created_at)
RETURNING *;

-- name: NoteGet :one
SELECT * FROM notes WHERE account_id = @account_id AND id = @id;

-- name: NoteList :many
SELECT n.*, a.name AS agent_name, ARRAY(SELECT m.agent_id FROM mentions m WHERE m.note_id = n.id ORDER BY m.agent_id)::uuid[] AS mentions
FROM notes n LEFT JOIN agents a ON a.id = n.agent_id
WHERE n.account_id = @account_id AND n.conversation_id = @conversation_id AND n.id > @after_id
ORDER BY n.id LIMIT @row_limit;

-- name: AgentListKnown :many
-- Which of these are agents of the account.
SELECT id, name FROM agents WHERE account_id = @account_id AND id = ANY(@ids::uuid[]) ORDER BY id;

-- name: MentionInsert :exec
INSERT INTO mentions (account_id, note_id, agent_id)
SELECT @account_id, @note_id, unnest(@agent_ids::uuid[]);

-- name: MentionList :many
-- Ids of notes grow with time.
SELECT n.*, a.name AS agent_name, m.read_at, ARRAY(SELECT o.agent_id FROM mentions o WHERE o.note_id = n.id ORDER BY o.agent_id)::uuid[] AS mentions
FROM mentions m JOIN notes n ON n.id = m.note_id LEFT JOIN agents a ON a.id = n.agent_id
WHERE m.account_id = @account_id AND m.agent_id = @agent_id AND m.note_id < @before_id AND (NOT @unread::boolean OR m.read_at IS NULL)
ORDER BY m.note_id DESC LIMIT @row_limit;

-- name: MentionRead :execrows
-- Without notes, all of the agent's.
UPDATE mentions SET read_at = @read_at::timestamptz
WHERE account_id = @account_id AND agent_id = @agent_id AND read_at IS NULL
  AND (cardinality(@note_ids::uuid[]) = 0 OR note_id = ANY(@note_ids::uuid[]));
