-- What turnstiles said of swipes that have not come yet: the word overtook its own event, and counts when that comes.
CREATE TABLE early_words (
    gate TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    of_sequence INTEGER NOT NULL,
    passed INTEGER NOT NULL,
    received_us INTEGER NOT NULL,
    PRIMARY KEY (gate, epoch, of_sequence)
) STRICT, WITHOUT ROWID;

-- A gap is one alert, from its first missing event (`sequence`) to its last.
ALTER TABLE alerts ADD COLUMN last_sequence INTEGER;
