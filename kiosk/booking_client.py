"""What a kiosk asks of booking, over `runtime.booking_http`: join, keys, who a reader is, a picture handed in.

Names are masked here, before they reach state or screen.
"""

import logging
import secrets
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec

from kiosk import enrolled
from kiosk.enrolled import Enrolled
from kiosk.errors import NotEnrolledError
from kiosk.state import Language, Refusal, Session, Stay, Trouble, Wish
from runtime.booking_http import BookingRefused, BookingUnreachable, DeviceHttp
from runtime.secret_file import SecretFileError, read_secret

_log = logging.getLogger(__name__)
MAX_CODE_CHARS = 128
MAX_SENTENCE = 240
HOLDING = frozenset({"reserved", "in-use", "away"})
READER_CODE_INVALID = "reader-code-invalid"

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Short = Annotated[str, msgspec.Meta(max_length=64)]


class _Reader(msgspec.Struct):
    name: Annotated[str, msgspec.Meta(max_length=200)]


class _Current(msgspec.Struct):
    area: _Short
    label: _Short
    start: _Moment
    end: _Moment
    status: _Short
    check_in_until: _Moment | None = None
    away_until: _Moment | None = None
    id: _Short = ""
    actions: Annotated[list[_Short], msgspec.Meta(max_length=64)] = []


class _SessionAnswer(msgspec.Struct):
    token: Annotated[str, msgspec.Meta(max_length=512)]
    reader: _Reader
    current: _Current | None = None


def mask_name(name: str) -> str:
    """Leave a name's first letter: those who stand behind a reader learn no more."""
    first, rest = name.strip()[:1], name.strip()[1:]
    return first + "*" * min(3, max(1, len(rest)))


class BookingClient:
    """One kiosk's calls. Every method waits for the network: never on the thread that draws."""

    def __init__(self, http: DeviceHttp, kiosk: str, enrolment_file: Path, code_file: Path) -> None:
        self._http = http
        self._kiosk = kiosk
        self._file = enrolment_file
        self._code_file = code_file

    def enrolled(self) -> Enrolled | None:
        """Return what an earlier enrolment left; no network."""
        return enrolled.load(self._file)

    def enrol(self) -> Enrolled:
        """Join with the one-time code; NotEnrolledError when that cannot succeed, BookingUnreachable to try again."""
        try:
            code = read_secret(self._code_file).decode("ascii").strip()[:MAX_CODE_CHARS]
            answer = self._http.enrol("kiosk", code)
        except (SecretFileError, UnicodeDecodeError) as error:
            raise NotEnrolledError(
                f"this kiosk is not enrolled and its one-time code cannot be read: {error}"
            ) from error
        except BookingRefused as error:
            raise NotEnrolledError(
                f"booking refuses the one-time code in {self._code_file} ({error.code}): ask staff for a new one"
            ) from error
        if answer.kiosk_number is None:
            raise NotEnrolledError(f"booking's site file has no kiosk {self._kiosk!r}: use the same site file there")
        known = Enrolled(answer.server_public_key, answer.kiosk_number, answer.day_keys)
        enrolled.save(self._file, known)
        return known

    def refresh(self, known: Enrolled) -> Enrolled:
        """Fetch the keys of the coming days and keep them; BookingUnreachable or BookingRefused as they come."""
        fresh = Enrolled(known.server_public_key, known.kiosk_number, self._http.keys())
        if fresh != known:
            enrolled.save(self._file, fresh)
        return fresh

    def who(self, reader_code: str) -> Session | Trouble:
        """Ask whose code this is."""
        return self._whose({"reader_code": reader_code}, Trouble.CODE_INVALID)

    def whose_card(self, card: str) -> Session | Trouble:
        """Ask whose card this is."""
        return self._whose({"card": card}, Trouble.CARD_UNKNOWN)

    def _whose(self, proof: dict[str, str], unknown: Trouble) -> Session | Trouble:
        try:
            return _session(self._http.post(f"/api/v1/kiosks/{self._kiosk}/sessions", proof))
        except BookingUnreachable as error:
            _log.warning("reader not identified error=%s", error)
            return Trouble.UNREACHABLE
        except BookingRefused as error:
            _log.info("reader not identified code=%s", error.code)
            return unknown if error.code == READER_CODE_INVALID else Trouble.REFUSED

    def carry_out(self, session: Session, wish: Wish, language: Language) -> Stay | Refusal | Trouble | None:
        """Do something with the reader's reservation and return how it stands; None when it is over.

        An answer that is lost is asked for once more under the same key: what was done then is told, not done again.
        """
        stay = session.stay
        path = f"/api/v1/reservations/{stay.id if stay else ''}/{wish}"
        key, tag = secrets.token_urlsafe(18), str(language).replace("_", "-")
        for tries_left in (1, 0):
            try:
                answer = self._http.post_for(session.token, path, {}, idempotency_key=key, language=tag)
                return _stay_of(msgspec.convert(answer, _Current))
            except BookingUnreachable as error:
                _log.warning("no answer to wish=%s tries_left=%d error=%s", wish, tries_left, error)
            except BookingRefused as error:
                _log.info("refused wish=%s code=%s", wish, error.code)
                return Refusal(error.detail[:MAX_SENTENCE]) if error.detail else Trouble.REFUSED
            except msgspec.ValidationError as error:
                _log.error("booking's answer is no reservation wish=%s error=%s", wish, error)
                return Trouble.UNANSWERED
        return Trouble.UNANSWERED

    def send_picture(self, command: str, picture: bytes) -> None:
        """Hand in the picture that staff asked for; they see by themselves when it does not come."""
        try:
            self._http.post_bytes(f"/api/v1/kiosks/{self._kiosk}/screens/{command}", picture, "image/png")
        except (BookingUnreachable, BookingRefused) as error:
            _log.warning("picture not handed in command=%s error=%s", command, error)


def _session(answer: dict[str, Any]) -> Session | Trouble:
    try:
        known = msgspec.convert(answer, _SessionAnswer)
    except msgspec.ValidationError as error:
        _log.error("booking's answer is not a session error=%s", error)
        return Trouble.REFUSED
    stay = _stay_of(known.current) if known.current is not None else None
    return Session(known.token, mask_name(known.reader.name), stay)


def _stay_of(current: _Current) -> Stay | None:
    """Return what the screens need of a reservation; None for one that no longer holds its seat."""
    if current.status not in HOLDING:
        return None
    return Stay(
        current.area,
        current.label,
        current.start,
        current.end,
        current.status,
        current.check_in_until,
        current.away_until,
        current.id,
        tuple(wish for wish in Wish if wish in current.actions),
    )
