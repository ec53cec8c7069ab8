-- Sessions that began at the university's own sign-in: by what it names them when it ends them.
CREATE TABLE vouched_sessions (
    token_hash BLOB PRIMARY KEY REFERENCES sessions (token_hash) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('cas', 'oidc')),
    handle_hash BLOB,
    subject_hash BLOB,
    id_token TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX vouched_sessions_handle ON vouched_sessions (handle_hash);
CREATE INDEX vouched_sessions_subject ON vouched_sessions (subject_hash);
