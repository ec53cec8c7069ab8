-- Which reminder was dealt with for which deadline: told, or left out because it would have come with the step itself.
CREATE TABLE reminders (
    reservation TEXT NOT NULL REFERENCES reservations (id),
    kind TEXT NOT NULL,
    deadline_us INTEGER NOT NULL,
    PRIMARY KEY (reservation, kind, deadline_us)
) STRICT, WITHOUT ROWID;
