-- Who somebody is: apps bound by activation codes, kiosk PINs, budgets of tries, and who did what.

-- One code at a time for each reader. The hashes are keyed: a copy of this file does not give six digits away.
CREATE TABLE activation_codes (
    reader TEXT PRIMARY KEY REFERENCES readers (id),
    code_hash BLOB NOT NULL,
    link_hash BLOB NOT NULL UNIQUE,
    session_hash BLOB NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    wrong_tries INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE bindings (
    id TEXT PRIMARY KEY,
    reader TEXT NOT NULL REFERENCES readers (id),
    app TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    -- the web session that made the code: the only one that may confirm
    session_hash BLOB NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'active', 'refused', 'revoked')),
    asked_us INTEGER NOT NULL,
    confirm_until_us INTEGER NOT NULL,
    answered_us INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX bindings_reader ON bindings (reader, asked_us);

CREATE TABLE kiosk_pins (
    reader TEXT PRIMARY KEY REFERENCES readers (id),
    pin_hash TEXT NOT NULL,
    wrong_tries INTEGER NOT NULL DEFAULT 0,
    set_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each try that still counts against a budget.
CREATE TABLE tries (
    budget TEXT NOT NULL,
    name TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    n INTEGER NOT NULL,
    forgotten_us INTEGER NOT NULL,
    PRIMARY KEY (budget, name, at_us, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX tries_forgotten ON tries (forgotten_us);

CREATE TABLE device_nonces (
    device TEXT NOT NULL,
    nonce TEXT NOT NULL,
    forgotten_us INTEGER NOT NULL,
    PRIMARY KEY (device, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_nonces_forgotten ON device_nonces (forgotten_us);

-- Never a secret, never a card number in full.
CREATE TABLE identity_audit (
    n INTEGER PRIMARY KEY,
    at_us INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    facts TEXT NOT NULL
) STRICT;
CREATE INDEX identity_audit_subject ON identity_audit (subject, n);

-- A person who is gone keeps the records but can no longer sign in or be recognised.
ALTER TABLE readers ADD COLUMN gone_us INTEGER;

-- The last word on whose a card is, whoever writes: half-open validities of one credential never overlap.
CREATE TRIGGER credential_overlap_insert BEFORE INSERT ON credentials
WHEN EXISTS (
    SELECT 1 FROM credentials WHERE kind = NEW.kind AND value = NEW.value
    AND (valid_until_us IS NULL OR valid_until_us > NEW.valid_from_us)
    AND (NEW.valid_until_us IS NULL OR valid_from_us < NEW.valid_until_us))
BEGIN SELECT RAISE(ABORT, 'credential-overlap'); END;

CREATE TRIGGER credential_overlap_update BEFORE UPDATE ON credentials
WHEN EXISTS (
    SELECT 1 FROM credentials WHERE kind = NEW.kind AND value = NEW.value AND valid_from_us <> OLD.valid_from_us
    AND (valid_until_us IS NULL OR valid_until_us > NEW.valid_from_us)
    AND (NEW.valid_until_us IS NULL OR valid_from_us < NEW.valid_until_us))
BEGIN SELECT RAISE(ABORT, 'credential-overlap'); END;
