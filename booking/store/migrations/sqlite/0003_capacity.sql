-- Places in capacity areas: reservations whose seat is empty. How many are held is kept as a step function, one row per
-- moment at which the count may change, and storage itself refuses whatever would exceed the capacity at some instant.
-- The counts follow the reservations' own `holding`, so every way out gives a place back, once.

CREATE TABLE capacities (area TEXT PRIMARY KEY, most INTEGER NOT NULL CHECK (most > 0)) STRICT, WITHOUT ROWID;

-- `held` places of `area` from `from_us` until the area's next row; none before its first.
CREATE TABLE held_places (
    area TEXT NOT NULL,
    from_us INTEGER NOT NULL,
    held INTEGER NOT NULL CHECK (held >= 0),
    PRIMARY KEY (area, from_us)
) STRICT, WITHOUT ROWID;

-- Only a growing count is refused: where a site lowers its capacity, what was booked before stands.
CREATE TRIGGER area_full BEFORE UPDATE OF held ON held_places
WHEN NEW.held > OLD.held AND NEW.held > coalesce((SELECT most FROM capacities WHERE area = NEW.area), 0)
BEGIN SELECT RAISE(ABORT, 'area-full'); END;

CREATE TRIGGER place_booked AFTER INSERT ON reservations WHEN NEW.seat = '' AND NEW.holding = 1
BEGIN
    INSERT OR IGNORE INTO held_places SELECT NEW.area, NEW.start_us, coalesce((SELECT held FROM held_places
        WHERE area = NEW.area AND from_us < NEW.start_us ORDER BY from_us DESC LIMIT 1), 0);
    INSERT OR IGNORE INTO held_places SELECT NEW.area, NEW.end_us, (SELECT held FROM held_places
        WHERE area = NEW.area AND from_us < NEW.end_us ORDER BY from_us DESC LIMIT 1);
    UPDATE held_places SET held = held + 1 WHERE area = NEW.area AND from_us >= NEW.start_us AND from_us < NEW.end_us;
END;

-- First what it held is given back, then what it holds now is taken: a longer stay keeps its own place.
CREATE TRIGGER place_changed AFTER UPDATE OF status, area, seat, start_us, end_us ON reservations
WHEN (OLD.seat = '' OR NEW.seat = '') AND (OLD.holding, OLD.area, OLD.seat, OLD.start_us, OLD.end_us)
    IS NOT (NEW.holding, NEW.area, NEW.seat, NEW.start_us, NEW.end_us)
BEGIN
    UPDATE held_places SET held = held - 1 WHERE OLD.seat = '' AND OLD.holding = 1
        AND area = OLD.area AND from_us >= OLD.start_us AND from_us < OLD.end_us;
    INSERT OR IGNORE INTO held_places SELECT NEW.area, NEW.start_us, coalesce((SELECT held FROM held_places
        WHERE area = NEW.area AND from_us < NEW.start_us ORDER BY from_us DESC LIMIT 1), 0)
        WHERE NEW.seat = '' AND NEW.holding = 1;
    INSERT OR IGNORE INTO held_places SELECT NEW.area, NEW.end_us, (SELECT held FROM held_places
        WHERE area = NEW.area AND from_us < NEW.end_us ORDER BY from_us DESC LIMIT 1)
        WHERE NEW.seat = '' AND NEW.holding = 1;
    UPDATE held_places SET held = held + 1 WHERE NEW.seat = '' AND NEW.holding = 1
        AND area = NEW.area AND from_us >= NEW.start_us AND from_us < NEW.end_us;
END;

CREATE TRIGGER place_erased AFTER DELETE ON reservations WHEN OLD.seat = '' AND OLD.holding = 1
BEGIN
    UPDATE held_places SET held = held - 1 WHERE area = OLD.area AND from_us >= OLD.start_us AND from_us < OLD.end_us;
END;

-- The rule of non-overlap is for seats: in a capacity area no seat is named.
DROP TRIGGER seat_overlap_insert;
CREATE TRIGGER seat_overlap_insert BEFORE INSERT ON reservations
WHEN NEW.seat <> '' AND NEW.status IN ('reserved', 'in-use', 'away') AND EXISTS (
    SELECT 1 FROM reservations WHERE holding = 1 AND seat = NEW.seat
    AND end_us > NEW.start_us AND start_us < NEW.end_us AND id <> NEW.id)
BEGIN SELECT RAISE(ABORT, 'seat-overlap'); END;

DROP TRIGGER seat_overlap_update;
CREATE TRIGGER seat_overlap_update BEFORE UPDATE OF status, seat, start_us, end_us ON reservations
WHEN NEW.seat <> '' AND NEW.status IN ('reserved', 'in-use', 'away') AND EXISTS (
    SELECT 1 FROM reservations WHERE holding = 1 AND seat = NEW.seat
    AND end_us > NEW.start_us AND start_us < NEW.end_us AND id <> OLD.id)
BEGIN SELECT RAISE(ABORT, 'seat-overlap'); END;
