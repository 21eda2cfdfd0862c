-- +goose Up

-- Whose tokens the agents of an account sign in with. A token says by its issuer and audience whose agent it is of.
CREATE TABLE sign_ins (
    account_id    uuid PRIMARY KEY REFERENCES accounts,
    issuer        text NOT NULL CONSTRAINT sign_ins_issuer_not_empty CHECK (issuer <> ''),
    audience      text NOT NULL CONSTRAINT sign_ins_audience_not_empty CHECK (audience <> ''),
    algorithms    text[] NOT NULL CONSTRAINT sign_ins_algorithms_known CHECK (cardinality(algorithms) > 0 AND
        algorithms <@ '{RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,EdDSA}'::text[]), -- none needs no key, and HS* takes a public one for a secret
    subject_claim text NOT NULL DEFAULT 'sub', -- names the person
    link_by_email boolean NOT NULL DEFAULT false, -- is an agent with a token's verified address linked at the first sign-in?
    admin_claim   text NOT NULL DEFAULT '', -- whose value, or one of whose values, makes an admin
    admin_value   text NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sign_ins_token_key UNIQUE (issuer, audience)
);

-- Which agent somebody is.
CREATE TABLE agent_subjects (
    account_id uuid NOT NULL,
    issuer     text NOT NULL,
    subject    text NOT NULL CONSTRAINT agent_subjects_subject_not_empty CHECK (subject <> ''),
    agent_id   uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agent_subjects_pkey PRIMARY KEY (account_id, issuer, subject),
    CONSTRAINT agent_subjects_agent_key UNIQUE (account_id, agent_id, issuer),
    FOREIGN KEY (account_id, agent_id) REFERENCES agents (account_id, id)
);

ALTER TABLE api_keys ADD COLUMN replaced_by uuid; -- the key that a rotation made; this one ends after a grace

-- +goose Down
ALTER TABLE api_keys DROP COLUMN replaced_by;
DROP TABLE agent_subjects;
DROP TABLE sign_ins;
