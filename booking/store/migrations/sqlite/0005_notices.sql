-- What staff tell all readers (通知公告). Rows are never deleted: who wrote and who withdrew one stays on record.
CREATE TABLE notices (
    id TEXT PRIMARY KEY,
    title_zh TEXT NOT NULL,
    title_en TEXT NOT NULL,
    text_zh TEXT NOT NULL,
    text_en TEXT NOT NULL,
    from_us INTEGER NOT NULL,
    until_us INTEGER,
    written_by TEXT NOT NULL REFERENCES readers (id),
    written_us INTEGER NOT NULL,
    withdrawn_by TEXT REFERENCES readers (id),
    withdrawn_us INTEGER,
    CHECK (until_us IS NULL OR until_us > from_us),
    CHECK ((withdrawn_by IS NULL) = (withdrawn_us IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX notices_from ON notices (from_us);
