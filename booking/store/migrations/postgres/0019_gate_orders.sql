-- What staff had gates do at portals, and what became of it.
CREATE TABLE gate_orders (
    id text COLLATE "C" PRIMARY KEY,
    staff text COLLATE "C" NOT NULL,
    at_us bigint NOT NULL,
    gate text COLLATE "C" NOT NULL,
    portal text COLLATE "C" NOT NULL,
    what text COLLATE "C" NOT NULL CHECK (what IN ('open', 'lock', 'unlock')),
    reason text COLLATE "C" NOT NULL,
    deadline_us bigint NOT NULL,
    result text COLLATE "C",
    detail text COLLATE "C" NOT NULL,
    told_us bigint
);
CREATE INDEX gate_orders_at ON gate_orders (at_us);
CREATE INDEX gate_orders_open ON gate_orders (deadline_us) WHERE result IS NULL;
