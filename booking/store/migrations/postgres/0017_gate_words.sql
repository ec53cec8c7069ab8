-- What turnstiles said of swipes that have not come yet: the word overtook its own event, and counts when that comes.
CREATE TABLE early_words (
    gate text COLLATE "C" NOT NULL,
    epoch bigint NOT NULL,
    of_sequence bigint NOT NULL,
    passed bigint NOT NULL,
    received_us bigint NOT NULL,
    PRIMARY KEY (gate, epoch, of_sequence)
);

-- A gap is one alert, from its first missing event (`sequence`) to its last.
ALTER TABLE alerts ADD COLUMN last_sequence bigint;
