-- Why a gate that decides let somebody in, or did not.
ALTER TABLE gate_records ADD COLUMN reason text COLLATE "C";
