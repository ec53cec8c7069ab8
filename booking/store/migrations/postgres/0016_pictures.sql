-- Pictures of kiosks on their way to staff: asked for by one process, answered to another, gone within seconds.
CREATE TABLE kiosk_pictures (
    command text COLLATE "C" PRIMARY KEY,
    kiosk text COLLATE "C" NOT NULL,
    deadline_us bigint NOT NULL,
    picture bytea
);
