-- Pictures of kiosks on their way to staff: asked for by one process, answered to another, gone within seconds.
CREATE TABLE kiosk_pictures (
    command TEXT PRIMARY KEY,
    kiosk TEXT NOT NULL,
    deadline_us INTEGER NOT NULL,
    picture BLOB
) STRICT, WITHOUT ROWID;
