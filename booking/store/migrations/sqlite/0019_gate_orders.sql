-- What staff had gates do at portals, and what became of it.
CREATE TABLE gate_orders (
    id TEXT PRIMARY KEY,
    staff TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    gate TEXT NOT NULL,
    portal TEXT NOT NULL,
    what TEXT NOT NULL CHECK (what IN ('open', 'lock', 'unlock')),
    reason TEXT NOT NULL,
    deadline_us INTEGER NOT NULL,
    result TEXT,
    detail TEXT NOT NULL,
    told_us INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX gate_orders_at ON gate_orders (at_us);
CREATE INDEX gate_orders_open ON gate_orders (deadline_us) WHERE result IS NULL;
