-- Violations with what became of them. What follows from them (a suspension) is derived, never stored.
CREATE TABLE violations (
    id TEXT PRIMARY KEY,
    reader TEXT NOT NULL REFERENCES readers (id),
    reservation TEXT NOT NULL REFERENCES reservations (id),
    area TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('no-show', 'lapsed', 'no-sign-out')),
    policy_key TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    occurred_us INTEGER NOT NULL,
    confirmed_us INTEGER,
    lifted_us INTEGER,
    lifted_because TEXT CHECK (lifted_because IN ('evidence', 'amnesty', 'appeal', 'staff')),
    appealed_us INTEGER,
    appeal TEXT NOT NULL DEFAULT '',
    decided_us INTEGER,
    CHECK ((lifted_us IS NULL) = (lifted_because IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX violations_reader ON violations (reader, occurred_us);
CREATE INDEX violations_reservation ON violations (reservation);
CREATE INDEX violations_open ON violations (occurred_us) WHERE lifted_us IS NULL;
CREATE INDEX violations_unconfirmed ON violations (occurred_us) WHERE lifted_us IS NULL AND confirmed_us IS NULL;

-- Outages of ours that staff have excused; an empty venue means all.
CREATE TABLE excused_outages (
    n INTEGER PRIMARY KEY,
    start_us INTEGER NOT NULL,
    end_us INTEGER NOT NULL,
    venue TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    CHECK (start_us < end_us)
) STRICT;

-- Until when (by its own clock) each gate has told everything it captured.
CREATE TABLE gates_heard (gate TEXT PRIMARY KEY, until_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- What staff changed.
CREATE TABLE staff_actions (
    n INTEGER PRIMARY KEY,
    at_us INTEGER NOT NULL,
    staff TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    facts TEXT NOT NULL
) STRICT;
