-- Who has a calendar feed: its secret is made from the server's master secret, the reader and `turn`; kept is its hash.
CREATE TABLE calendars (
    reader TEXT PRIMARY KEY REFERENCES readers (id),
    turn INTEGER NOT NULL,
    secret_hash BLOB UNIQUE
) STRICT, WITHOUT ROWID;
