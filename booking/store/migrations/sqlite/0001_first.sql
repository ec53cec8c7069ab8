-- Times are whole microseconds since 1970 UTC (`…_us`). Reader ids are folded to upper case.

CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE readers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('reader', 'staff')),
    password_hash TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE credentials (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    valid_from_us INTEGER NOT NULL,
    valid_until_us INTEGER,
    reader TEXT NOT NULL REFERENCES readers (id),
    PRIMARY KEY (kind, value, valid_from_us),
    CHECK (valid_until_us IS NULL OR valid_until_us > valid_from_us)
) STRICT, WITHOUT ROWID;
CREATE INDEX credentials_reader ON credentials (reader);

CREATE TABLE reservations (
    id TEXT PRIMARY KEY,
    reader TEXT NOT NULL REFERENCES readers (id),
    area TEXT NOT NULL,
    seat TEXT NOT NULL,
    start_us INTEGER NOT NULL,
    end_us INTEGER NOT NULL,
    status TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    checked_in_us INTEGER,
    away_us INTEGER,
    away_until_us INTEGER,
    returned_us INTEGER,
    closed_us INTEGER,
    -- when time alone changes it next: what still says "reserved" after this moment no longer holds its seat
    due_us INTEGER,
    holding INTEGER NOT NULL GENERATED ALWAYS AS (status IN ('reserved', 'in-use', 'away')) STORED,
    CHECK (start_us < end_us),
    CHECK (holding = (due_us IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX reservations_seat ON reservations (seat, end_us) WHERE holding = 1;
CREATE INDEX reservations_reader ON reservations (reader, end_us) WHERE holding = 1;
CREATE INDEX reservations_area ON reservations (area, end_us) WHERE holding = 1;
CREATE INDEX reservations_due ON reservations (due_us) WHERE holding = 1;
CREATE INDEX reservations_of_reader ON reservations (reader, start_us, id);

-- The last word on double booking, whoever writes: half-open intervals of one seat, or of one reader, never overlap.
CREATE TRIGGER seat_overlap_insert BEFORE INSERT ON reservations
WHEN NEW.status IN ('reserved', 'in-use', 'away') AND EXISTS (
    SELECT 1 FROM reservations WHERE holding = 1 AND seat = NEW.seat
    AND end_us > NEW.start_us AND start_us < NEW.end_us AND id <> NEW.id)
BEGIN SELECT RAISE(ABORT, 'seat-overlap'); END;

CREATE TRIGGER seat_overlap_update BEFORE UPDATE OF status, seat, start_us, end_us ON reservations
WHEN NEW.status IN ('reserved', 'in-use', 'away') AND EXISTS (
    SELECT 1 FROM reservations WHERE holding = 1 AND seat = NEW.seat
    AND end_us > NEW.start_us AND start_us < NEW.end_us AND id <> OLD.id)
BEGIN SELECT RAISE(ABORT, 'seat-overlap'); END;

CREATE TRIGGER reader_overlap_insert BEFORE INSERT ON reservations
WHEN NEW.status IN ('reserved', 'in-use', 'away') AND EXISTS (
    SELECT 1 FROM reservations WHERE holding = 1 AND reader = NEW.reader
    AND end_us > NEW.start_us AND start_us < NEW.end_us AND id <> NEW.id)
BEGIN SELECT RAISE(ABORT, 'reader-overlap'); END;

CREATE TRIGGER reader_overlap_update BEFORE UPDATE OF status, reader, start_us, end_us ON reservations
WHEN NEW.status IN ('reserved', 'in-use', 'away') AND EXISTS (
    SELECT 1 FROM reservations WHERE holding = 1 AND reader = NEW.reader
    AND end_us > NEW.start_us AND start_us < NEW.end_us AND id <> OLD.id)
BEGIN SELECT RAISE(ABORT, 'reader-overlap'); END;

CREATE TABLE evidence (
    n INTEGER PRIMARY KEY,
    reservation TEXT NOT NULL REFERENCES reservations (id),
    source TEXT NOT NULL,
    change TEXT NOT NULL,
    occurred_us INTEGER NOT NULL,
    received_us INTEGER NOT NULL,
    facts TEXT NOT NULL
) STRICT;
CREATE INDEX evidence_reservation ON evidence (reservation);

CREATE TABLE notifications (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    reader TEXT NOT NULL REFERENCES readers (id),
    kind TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    reservation TEXT REFERENCES reservations (id),
    facts TEXT NOT NULL
) STRICT;
CREATE INDEX notifications_reader ON notifications (reader, n);

CREATE TABLE idempotency (
    reader TEXT NOT NULL,
    key TEXT NOT NULL,
    digest BLOB NOT NULL,
    outcome TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    PRIMARY KEY (reader, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_created ON idempotency (created_us);

CREATE TABLE code_uses (
    reader TEXT NOT NULL,
    kiosk INTEGER NOT NULL,
    step INTEGER NOT NULL,
    used_us INTEGER NOT NULL,
    PRIMARY KEY (reader, kiosk, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE reader_codes (
    code_hash BLOB PRIMARY KEY,
    reader TEXT NOT NULL REFERENCES readers (id),
    expires_us INTEGER NOT NULL,
    used_us INTEGER,
    kiosk TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    token_hash BLOB PRIMARY KEY,
    reader TEXT NOT NULL REFERENCES readers (id),
    role TEXT NOT NULL,
    csrf TEXT NOT NULL,
    channel TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_expires ON sessions (expires_us);

CREATE TABLE devices (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('gate', 'kiosk')),
    kid TEXT NOT NULL UNIQUE,
    public_key BLOB NOT NULL CHECK (length(public_key) = 32),
    enrolled_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE enrolment_codes (
    code_hash BLOB PRIMARY KEY,
    device TEXT NOT NULL,
    kind TEXT NOT NULL,
    offered_us INTEGER NOT NULL,
    used_us INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox (
    gate TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    digest BLOB NOT NULL,
    payload BLOB NOT NULL,
    received_us INTEGER NOT NULL,
    PRIMARY KEY (gate, epoch, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE gate_records (
    id TEXT PRIMARY KEY,
    gate TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    portal TEXT NOT NULL,
    venue TEXT,
    direction TEXT NOT NULL,
    kind TEXT,
    credential TEXT NOT NULL,
    outcome TEXT NOT NULL,
    occurred_us INTEGER NOT NULL,
    received_us INTEGER NOT NULL,
    reader TEXT REFERENCES readers (id),
    reservation TEXT REFERENCES reservations (id),
    effect TEXT NOT NULL,
    state_before TEXT,
    state_after TEXT,
    passed INTEGER,
    answer TEXT CHECK (answer IN ('confirmed', 'disputed')),
    answered_us INTEGER,
    UNIQUE (gate, epoch, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX gate_records_reader ON gate_records (reader, occurred_us);
CREATE INDEX gate_records_received ON gate_records (received_us);

CREATE TABLE dead_letters (
    n INTEGER PRIMARY KEY,
    gate TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    digest BLOB NOT NULL,
    payload BLOB NOT NULL,
    reason TEXT NOT NULL,
    received_us INTEGER NOT NULL,
    UNIQUE (gate, epoch, sequence, digest)
) STRICT;

-- How many commits changed each area in the present generation (see booking/store/numbering.py).
CREATE TABLE area_numbers (area TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;
