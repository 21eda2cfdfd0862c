-- name: SignInPut :one
INSERT INTO sign_ins (account_id, issuer, audience, algorithms, subject_claim, link_by_email, admin_claim, admin_value)
VALUES (@account_id, @issuer, @audience, @algorithms, @subject_claim, @link_by_email, @admin_claim, @admin_value)
ON CONFLICT (account_id) DO UPDATE SET issuer = excluded.issuer, audience = excluded.audience, algorithms = excluded.algorithms,
    subject_claim = excluded.subject_claim, link_by_email = excluded.link_by_email, admin_claim = excluded.admin_claim,
    admin_value = excluded.admin_value, updated_at = now()
RETURNING *;

-- name: SignInGet :one
SELECT * FROM sign_ins WHERE account_id = @account_id;

-- name: SignInDelete :execrows
DELETE FROM sign_ins WHERE account_id = @account_id;

-- name: SignInFind :many
-- Two, where a token is for the audiences of two accounts: then it is nobody's.
SELECT * FROM sign_ins WHERE issuer = @issuer AND audience = ANY(@audiences::text[]) LIMIT 2;

-- name: SubjectAgent :one
SELECT a.id, a.name, a.disabled_at FROM agent_subjects s JOIN agents a ON a.id = s.agent_id
WHERE s.account_id = @account_id AND s.issuer = @issuer AND s.subject = @subject;

-- name: SubjectCandidates :many
-- Agents whom an address may sign in at the first time: those who are nobody else at this issuer.
SELECT a.id, a.name FROM agents a
WHERE a.account_id = @account_id AND lower(a.email) = lower(@email::text) AND a.disabled_at IS NULL
  AND NOT EXISTS (SELECT FROM agent_subjects s WHERE s.account_id = a.account_id AND s.agent_id = a.id AND s.issuer = @issuer)
LIMIT 2;

-- name: SubjectInsert :execrows
INSERT INTO agent_subjects (account_id, issuer, subject, agent_id) VALUES (@account_id, @issuer, @subject, @agent_id) ON CONFLICT DO NOTHING;

-- name: SubjectPut :one
INSERT INTO agent_subjects (account_id, issuer, subject, agent_id) VALUES (@account_id, @issuer, @subject, @agent_id)
ON CONFLICT ON CONSTRAINT agent_subjects_agent_key DO UPDATE SET subject = excluded.subject
RETURNING *;

-- name: SubjectGet :one
SELECT * FROM agent_subjects WHERE account_id = @account_id AND agent_id = @agent_id AND issuer = @issuer;

-- name: SubjectDelete :execrows
DELETE FROM agent_subjects WHERE account_id = @account_id AND agent_id = @agent_id AND issuer = @issuer;
