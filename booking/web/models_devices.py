"""What the API gives to gates and kiosks, as pydantic types."""

from datetime import datetime

from pydantic import BaseModel

from booking.web.models import ReservationOut


class EnrolOut(BaseModel):
    """What a device needs to know of us."""

    server_kid: str
    server_public_key: str
    kiosk_number: int | None
    day_keys: dict[str, str]
    server_time: datetime


class KeysOut(BaseModel):
    """A kiosk's keys for today and the next days, by epoch; the secret of a gate's access list."""

    day_keys: dict[str, str]
    access_list_key: str = ""
    server_time: datetime


class KioskReaderOut(BaseModel):
    """Who stands there, by name."""

    name: str


class KioskSessionOut(BaseModel):
    """A short session at a kiosk."""

    token: str
    expires_at: datetime
    reader: KioskReaderOut
    current: ReservationOut | None


class ReceivedOut(BaseModel):
    """Taken."""

    received: bool = True
