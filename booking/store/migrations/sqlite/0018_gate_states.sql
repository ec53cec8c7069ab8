-- What each gate last said of itself (messages.presence, as JSON), for the staff's page of gates; `gone_us`: when it left since.
CREATE TABLE gate_states (
    gate TEXT PRIMARY KEY,
    heard_us INTEGER NOT NULL,
    gone_us INTEGER,
    session INTEGER NOT NULL,
    said BLOB NOT NULL
) STRICT, WITHOUT ROWID;
