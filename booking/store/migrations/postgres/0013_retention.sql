-- So that what is past its time is found without looking at what is not (booking/store/retention.py). The other tables
-- are read in the order of their own keys, which is the order of time.
CREATE INDEX code_uses_used ON code_uses (used_us);
-- The ends of foreign keys: without these, erasing a parent row looks through all of the child's.
CREATE INDEX notifications_reservation ON notifications (reservation);
CREATE INDEX gate_records_reservation ON gate_records (reservation);
CREATE INDEX tasks_reservation ON tasks (reservation);
