-- "Tell me when it frees". A wait is open until it is told or closed; `turn_us`: until then what was found is the reader's
-- to take, and the next in line is told of something else.
CREATE TABLE waits (
    id TEXT PRIMARY KEY,
    reader TEXT NOT NULL REFERENCES readers (id),
    area TEXT NOT NULL,
    seat TEXT,
    start_us INTEGER NOT NULL,
    end_us INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    found TEXT,
    told_us INTEGER,
    turn_us INTEGER,
    closed_us INTEGER,
    CHECK (start_us < end_us)
) STRICT, WITHOUT ROWID;
CREATE INDEX waits_open ON waits (area, created_us, id) WHERE told_us IS NULL AND closed_us IS NULL;
CREATE INDEX waits_reader ON waits (reader, created_us);
CREATE INDEX waits_turn ON waits (turn_us) WHERE turn_us IS NOT NULL;
