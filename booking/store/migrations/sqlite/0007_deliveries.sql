-- Where a reader wants to be told beside our own pages. `muted`: kinds of notification that stay off it, with commas.
CREATE TABLE channels (
    reader TEXT NOT NULL REFERENCES readers (id),
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    language TEXT NOT NULL,
    muted TEXT NOT NULL,
    set_us INTEGER NOT NULL,
    PRIMARY KEY (reader, channel)
) STRICT, WITHOUT ROWID;

-- What has to go out. A claim moves `next_try_us` on before anything is sent, so a sender that dies gives it back.
CREATE TABLE deliveries (
    n INTEGER PRIMARY KEY,
    notification TEXT NOT NULL REFERENCES notifications (id),
    channel TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'given-up', 'dropped')),
    tries INTEGER NOT NULL DEFAULT 0,
    next_try_us INTEGER NOT NULL,
    settled_us INTEGER,
    error TEXT NOT NULL DEFAULT '',
    UNIQUE (notification, channel)
) STRICT;
CREATE INDEX deliveries_next ON deliveries (next_try_us) WHERE state = 'waiting';
CREATE INDEX deliveries_given_up ON deliveries (settled_us) WHERE state = 'given-up';

-- In the transaction that tells the reader, whoever writes it: nothing that was told can be missing here.
CREATE TRIGGER notification_goes_out AFTER INSERT ON notifications
BEGIN
    INSERT INTO deliveries (notification, channel, next_try_us)
    SELECT NEW.id, channel, NEW.at_us FROM channels
    WHERE reader = NEW.reader AND instr(',' || muted || ',', ',' || NEW.kind || ',') = 0;
END;
