-- Evacuations, passages that wait for the turnstile's word, cards that readers disputed, gates' clocks and streams, alerts.

-- Stretches in which no clock of a reservation runs: "start-end" in microseconds, separated by commas; an empty end is open.
ALTER TABLE reservations ADD COLUMN frozen TEXT NOT NULL DEFAULT '';

-- An evacuation is open until staff end it; a venue has one open at a time. `started_by` is staff, or empty for an alarm.
CREATE TABLE evacuations (
    id TEXT PRIMARY KEY,
    venue TEXT NOT NULL,
    start_us INTEGER NOT NULL,
    started_by TEXT NOT NULL,
    gate TEXT NOT NULL,
    learned_us INTEGER NOT NULL,
    ended_by TEXT,
    end_us INTEGER,
    CHECK ((ended_by IS NULL) = (end_us IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX evacuations_open ON evacuations (venue) WHERE end_us IS NULL;
CREATE INDEX evacuations_start ON evacuations (venue, start_us);

-- `way`: the direction as the event or the lane's wiring says. `pending_us`: until when the passage's effect waits for the
-- turnstile's word. `said_us`: what the gate's clock said where that was wrong.
ALTER TABLE gate_records ADD COLUMN way TEXT;
ALTER TABLE gate_records ADD COLUMN pending_us INTEGER;
ALTER TABLE gate_records ADD COLUMN unconfirmed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gate_records ADD COLUMN said_us INTEGER;
CREATE INDEX gate_records_pending ON gate_records (pending_us) WHERE pending_us IS NOT NULL;
CREATE INDEX gate_records_venue ON gate_records (venue, occurred_us);

-- Cards whose holder said "not me", until staff have looked at them.
CREATE TABLE card_flags (
    record TEXT PRIMARY KEY REFERENCES gate_records (id) ON DELETE CASCADE,
    at_us INTEGER NOT NULL,
    cleared_by TEXT,
    cleared_us INTEGER,
    CHECK ((cleared_by IS NULL) = (cleared_us IS NULL))
) STRICT, WITHOUT ROWID;

-- How far the inbox of one gate's epoch is known to be whole.
CREATE TABLE gate_streams (
    gate TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    complete INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    heard_us INTEGER NOT NULL,
    PRIMARY KEY (gate, epoch)
) STRICT, WITHOUT ROWID;

-- What a gate's births say of its clock in one run of its kernel: wall time less monotonic time, where the wall was right.
CREATE TABLE gate_clocks (
    gate TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    offset_us INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (gate, boot_id, offset_us)
) STRICT, WITHOUT ROWID;

-- Events whose time is impossible, until a birth tells the offset.
CREATE TABLE held_events (
    gate TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    digest BLOB NOT NULL,
    payload BLOB NOT NULL,
    received_us INTEGER NOT NULL,
    PRIMARY KEY (gate, epoch, sequence)
) STRICT, WITHOUT ROWID;

ALTER TABLE dead_letters ADD COLUMN settled_by TEXT;
ALTER TABLE dead_letters ADD COLUMN settled_us INTEGER;

-- What staff should look at. Shown from `from_us` on; a gap that has closed by then is no alert.
CREATE TABLE alerts (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    gate TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    from_us INTEGER NOT NULL,
    facts TEXT NOT NULL,
    seen_by TEXT,
    seen_us INTEGER,
    UNIQUE (kind, gate, epoch, sequence),
    CHECK ((seen_by IS NULL) = (seen_us IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX alerts_open ON alerts (from_us) WHERE seen_us IS NULL;

-- A violation more: left a library in which going means stepping away first. And an evacuation lifts violations.
CREATE TABLE violations_11 (
    id TEXT PRIMARY KEY,
    reader TEXT NOT NULL REFERENCES readers (id),
    reservation TEXT NOT NULL REFERENCES reservations (id),
    area TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('no-show', 'lapsed', 'no-sign-out', 'left')),
    policy_key TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    occurred_us INTEGER NOT NULL,
    confirmed_us INTEGER,
    lifted_us INTEGER,
    lifted_because TEXT CHECK (lifted_because IN ('evidence', 'amnesty', 'appeal', 'staff', 'evacuation')),
    appealed_us INTEGER,
    appeal TEXT NOT NULL DEFAULT '',
    decided_us INTEGER,
    CHECK ((lifted_us IS NULL) = (lifted_because IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO violations_11 SELECT * FROM violations;
DROP TABLE violations;
ALTER TABLE violations_11 RENAME TO violations;
CREATE INDEX violations_reader ON violations (reader, occurred_us);
CREATE INDEX violations_reservation ON violations (reservation);
CREATE INDEX violations_open ON violations (occurred_us) WHERE lifted_us IS NULL;
CREATE INDEX violations_unconfirmed ON violations (occurred_us) WHERE lifted_us IS NULL AND confirmed_us IS NULL;

-- What an evacuation that we learn of late takes back.
CREATE INDEX reservations_failed ON reservations (closed_us) WHERE status IN ('no-show', 'lapsed', 'not-signed-out');
