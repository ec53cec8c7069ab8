-- Sessions that began at the university's own sign-in: by what it names them when it ends them.
CREATE TABLE vouched_sessions (
    token_hash bytea PRIMARY KEY REFERENCES sessions (token_hash) ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('cas', 'oidc')),
    handle_hash bytea,
    subject_hash bytea,
    id_token text NOT NULL
);
CREATE INDEX vouched_sessions_handle ON vouched_sessions (handle_hash);
CREATE INDEX vouched_sessions_subject ON vouched_sessions (subject_hash);
