-- What each gate last said of itself (messages.presence, as JSON), for the staff's page of gates; `gone_us`: when it left since.
CREATE TABLE gate_states (
    gate text COLLATE "C" PRIMARY KEY,
    heard_us bigint NOT NULL,
    gone_us bigint,
    session bigint NOT NULL,
    said bytea NOT NULL
);
