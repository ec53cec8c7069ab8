-- Evacuations, passages that wait for the turnstile's word, cards that readers disputed, gates' clocks and streams, alerts.

-- Stretches in which no clock of a reservation runs: "start-end" in microseconds, separated by commas; an empty end is open.
ALTER TABLE reservations ADD COLUMN frozen text COLLATE "C" NOT NULL DEFAULT '';

-- An evacuation is open until staff end it; a venue has one open at a time. `started_by` is staff, or empty for an alarm.
CREATE TABLE evacuations (
    id text COLLATE "C" PRIMARY KEY,
    venue text COLLATE "C" NOT NULL,
    start_us bigint NOT NULL,
    started_by text COLLATE "C" NOT NULL,
    gate text COLLATE "C" NOT NULL,
    learned_us bigint NOT NULL,
    ended_by text COLLATE "C",
    end_us bigint,
    CHECK ((ended_by IS NULL) = (end_us IS NULL))
);
CREATE UNIQUE INDEX evacuations_open ON evacuations (venue) WHERE end_us IS NULL;
CREATE INDEX evacuations_start ON evacuations (venue, start_us);

-- `way`: the direction as the event or the lane's wiring says. `pending_us`: until when the passage's effect waits for the
-- turnstile's word. `said_us`: what the gate's clock said where that was wrong.
ALTER TABLE gate_records ADD COLUMN way text COLLATE "C";
ALTER TABLE gate_records ADD COLUMN pending_us bigint;
ALTER TABLE gate_records ADD COLUMN unconfirmed bigint NOT NULL DEFAULT 0;
ALTER TABLE gate_records ADD COLUMN said_us bigint;
CREATE INDEX gate_records_pending ON gate_records (pending_us) WHERE pending_us IS NOT NULL;
CREATE INDEX gate_records_venue ON gate_records (venue, occurred_us);

-- Cards whose holder said "not me", until staff have looked at them.
CREATE TABLE card_flags (
    record text COLLATE "C" PRIMARY KEY REFERENCES gate_records (id) ON DELETE CASCADE,
    at_us bigint NOT NULL,
    cleared_by text COLLATE "C",
    cleared_us bigint,
    CHECK ((cleared_by IS NULL) = (cleared_us IS NULL))
);

-- How far the inbox of one gate's epoch is known to be whole.
CREATE TABLE gate_streams (
    gate text COLLATE "C" NOT NULL,
    epoch bigint NOT NULL,
    complete bigint NOT NULL,
    last_sequence bigint NOT NULL,
    heard_us bigint NOT NULL,
    PRIMARY KEY (gate, epoch)
);

-- What a gate's births say of its clock in one run of its kernel: wall time less monotonic time, where the wall was right.
CREATE TABLE gate_clocks (
    gate text COLLATE "C" NOT NULL,
    boot_id text COLLATE "C" NOT NULL,
    offset_us bigint NOT NULL,
    at_us bigint NOT NULL,
    PRIMARY KEY (gate, boot_id, offset_us)
);

-- Events whose time is impossible, until a birth tells the offset.
CREATE TABLE held_events (
    gate text COLLATE "C" NOT NULL,
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    boot_id text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    payload bytea NOT NULL,
    received_us bigint NOT NULL,
    PRIMARY KEY (gate, epoch, sequence)
);

ALTER TABLE dead_letters ADD COLUMN settled_by text COLLATE "C";
ALTER TABLE dead_letters ADD COLUMN settled_us bigint;

-- What staff should look at. Shown from `from_us` on; a gap that has closed by then is no alert.
CREATE TABLE alerts (
    id text COLLATE "C" PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    gate text COLLATE "C" NOT NULL,
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    from_us bigint NOT NULL,
    facts text COLLATE "C" NOT NULL,
    seen_by text COLLATE "C",
    seen_us bigint,
    UNIQUE (kind, gate, epoch, sequence),
    CHECK ((seen_by IS NULL) = (seen_us IS NULL))
);
CREATE INDEX alerts_open ON alerts (from_us) WHERE seen_us IS NULL;

-- A violation more: left a library in which going means stepping away first. And an evacuation lifts violations.
ALTER TABLE violations DROP CONSTRAINT violations_kind_check, DROP CONSTRAINT violations_lifted_because_check;
ALTER TABLE violations
    ADD CONSTRAINT violations_kind_check CHECK (kind IN ('no-show', 'lapsed', 'no-sign-out', 'left')),
    ADD CONSTRAINT violations_lifted_because_check
        CHECK (lifted_because IN ('evidence', 'amnesty', 'appeal', 'staff', 'evacuation'));

-- What an evacuation that we learn of late takes back.
CREATE INDEX reservations_failed ON reservations (closed_us) WHERE status IN ('no-show', 'lapsed', 'not-signed-out');
