-- Draws by day ("2023-07-19"). The seed is secret until `held_us`; its hash is published before.
CREATE TABLE draws (
    day text COLLATE "C" PRIMARY KEY,
    opens_us bigint NOT NULL,
    closes_us bigint NOT NULL,
    seed bytea NOT NULL,
    held_us bigint,
    CHECK (opens_us < closes_us)
);

-- One wish of a reader for a day. `ticket` is public, the reader is not.
CREATE TABLE draw_entries (
    id text COLLATE "C" PRIMARY KEY,
    day text COLLATE "C" NOT NULL REFERENCES draws (day),
    reader text COLLATE "C" NOT NULL REFERENCES readers (id),
    seat text COLLATE "C",
    area text COLLATE "C",
    start_us bigint NOT NULL,
    end_us bigint NOT NULL,
    channel text COLLATE "C" NOT NULL,
    entered_us bigint NOT NULL,
    ticket text COLLATE "C" NOT NULL,
    place bigint,
    outcome text COLLATE "C" NOT NULL DEFAULT '',
    reservation text COLLATE "C",
    UNIQUE (day, reader)
);
CREATE INDEX draw_entries_reader ON draw_entries (reader, day);
