-- What staff do to the floor: closures of an area or a seat, and tasks that a reader's report gave them. Rows are never
-- deleted: who closed and who opened again, who reported and who settled stays on record.

CREATE TABLE closures (
    id TEXT PRIMARY KEY,
    area TEXT NOT NULL,
    -- empty: the whole area
    seat TEXT NOT NULL,
    start_us INTEGER NOT NULL,
    -- NULL: until staff lift it
    end_us INTEGER,
    reason_zh TEXT NOT NULL,
    reason_en TEXT NOT NULL,
    made_by TEXT NOT NULL REFERENCES readers (id),
    made_us INTEGER NOT NULL,
    lifted_by TEXT REFERENCES readers (id),
    lifted_us INTEGER,
    CHECK (end_us IS NULL OR end_us > start_us),
    CHECK ((lifted_by IS NULL) = (lifted_us IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX closures_standing ON closures (area, end_us) WHERE lifted_us IS NULL;

CREATE TABLE tasks (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('seat-taken')),
    area TEXT NOT NULL,
    seat TEXT NOT NULL,
    reservation TEXT NOT NULL REFERENCES reservations (id),
    made_us INTEGER NOT NULL,
    settled_by TEXT REFERENCES readers (id),
    settled_us INTEGER,
    CHECK ((settled_by IS NULL) = (settled_us IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX tasks_open ON tasks (area) WHERE settled_us IS NULL;

-- Which groups of readers somebody belongs to ("postgraduate staff"), for areas that are not for everybody.
ALTER TABLE readers ADD COLUMN groups TEXT NOT NULL DEFAULT '';
