-- Draws by day ("2023-07-19"). The seed is secret until `held_us`; its hash is published before.
CREATE TABLE draws (
    day TEXT PRIMARY KEY,
    opens_us INTEGER NOT NULL,
    closes_us INTEGER NOT NULL,
    seed BLOB NOT NULL,
    held_us INTEGER,
    CHECK (opens_us < closes_us)
) STRICT, WITHOUT ROWID;

-- One wish of a reader for a day. `ticket` is public, the reader is not.
CREATE TABLE draw_entries (
    id TEXT PRIMARY KEY,
    day TEXT NOT NULL REFERENCES draws (day),
    reader TEXT NOT NULL REFERENCES readers (id),
    seat TEXT,
    area TEXT,
    start_us INTEGER NOT NULL,
    end_us INTEGER NOT NULL,
    channel TEXT NOT NULL,
    entered_us INTEGER NOT NULL,
    ticket TEXT NOT NULL,
    place INTEGER,
    outcome TEXT NOT NULL DEFAULT '',
    reservation TEXT,
    UNIQUE (day, reader)
) STRICT, WITHOUT ROWID;
CREATE INDEX draw_entries_reader ON draw_entries (reader, day);
