"""A backup of the whole service in one file: its database, its signing key, its master secret, and what they are.

Without the key and the secret a restored server would be a stranger to every gate and kiosk. So the file is as secret as
the data folder: mode 0600. The form is a tar of plain files, first a manifest with the size and SHA-256 of the others.
"""

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from booking.errors import BookingError
from booking.identity import KEY_FILE, MASTER_FILE
from booking.settings import BookingSettings
from booking.store.backup import POSTGRES, SQLITE, Progress, check_copy, copies_of
from runtime.secret_file import create_secret, read_secret, sync_folder
from runtime.version import version

FORM = 1
MANIFEST = "manifest.json"
DATABASES = (SQLITE, POSTGRES)
MAX_MANIFEST = 64 * 1024
SECRETS = (KEY_FILE, MASTER_FILE)
MAX_SECRET = 16 * 1024
_CHUNK = 1024 * 1024
Say = Callable[[str], None]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a backup."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup is."""

    form: int
    made_at: datetime
    version: str
    schema: int
    parts: dict[str, Part]


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did: the backup's manifest, and where what was there before has been put."""

    manifest: Manifest
    aside: list[Path]


def save(settings: BookingSettings, target: Path, now: datetime, progress: Progress) -> Manifest:
    """Write a backup of the service, which may be running, to `target`; BookingError when it cannot be made whole.

    `target` appears only when the backup is complete and on the disk.
    """
    if target.exists():
        raise BookingError(f"{target} is there already: a backup replaces nothing, choose another name")
    try:
        with _workplace(target.parent) as folder:
            database, copies = copies_of(settings.store, settings.data)
            schema = copies.copy(folder / database, progress)
            for name in SECRETS:
                create_secret(folder / name, read_secret(settings.data / name))
            parts = {name: _part(folder / name) for name in (database, *SECRETS)}
            manifest = Manifest(FORM, now, version(), schema, parts)
            (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))
            packed = folder / "backup.tar"
            with os.fdopen(os.open(packed, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                    for name in (MANIFEST, *parts):
                        tar.add(folder / name, name, recursive=False)
                file.flush()
                os.fsync(file.fileno())
            os.link(packed, target)  # fails where somebody else made it meanwhile
            sync_folder(target.parent)
    except OSError as error:
        raise BookingError(f"no backup was made at {target}: {error.strerror or error} ({error.filename})") from error
    return manifest


def check(source: Path) -> Manifest:
    """Read a backup through, every byte of it, and change nothing; BookingError says what is wrong with it."""
    with _unpacked(source, Path(tempfile.gettempdir())) as (_, manifest):
        return manifest


def restore(settings: BookingSettings, source: Path, now: datetime) -> Restored:
    """Put a backup in the place of a service that is stopped; what was there is set aside, never deleted."""
    data = settings.data
    data.mkdir(parents=True, exist_ok=True)
    place = settings.store
    database, copies = copies_of(place, data)
    try:
        # beside the database, so that the file only has to be renamed
        with _unpacked(source, place.parent if isinstance(place, Path) else data) as (folder, manifest):
            if database not in manifest.parts:
                kind = "an SQLite file" if SQLITE in manifest.parts else "a PostgreSQL database"
                raise BookingError(f"{source} holds {kind}: name one as `database` in the settings to restore it into")
            replaced = copies.put_back(folder / database, now)
            aside = [replaced] if replaced else []
            aside += [old for name in SECRETS if (old := _put_back_secret(folder / name, data / name, now))]
            sync_folder(data)
    except OSError as error:
        raise BookingError(f"{source} could not be restored: {error.strerror or error} ({error.filename})") from error
    return Restored(manifest, aside)


def _put_back_secret(saved: Path, place: Path, now: datetime) -> Path | None:
    content, aside = read_secret(saved), None
    if place.exists():
        if place.read_bytes() == content:
            return None
        aside = place.with_name(f"{place.name}.before-restore-{now:%Y%m%dT%H%M%SZ}")
        place.rename(aside)
    create_secret(place, content)
    return aside


@contextmanager
def _workplace(parent: Path) -> Iterator[Path]:
    """Give a folder of mode 0700 on the file system of `parent`, and take it away again."""
    folder = Path(tempfile.mkdtemp(prefix=".seatgate-backup-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _unpacked(source: Path, parent: Path) -> Iterator[tuple[Path, Manifest]]:
    """Unpack and verify a backup in a folder below `parent`. Its names and sizes are believed only as far as checked."""
    try:
        with _workplace(parent) as folder, tarfile.open(source, mode="r:") as tar:
            first = tar.next()
            if first is None or first.name != MANIFEST or not first.isreg() or first.size > MAX_MANIFEST:
                raise BookingError(f"{source} is no backup of this service: its first file is not {MANIFEST}")
            manifest = _manifest(source, _content(tar, first).read(MAX_MANIFEST))
            for member in tar:
                if member.name == MANIFEST:
                    continue
                part = manifest.parts.get(member.name)
                if part is None or not member.isreg() or member.size != part.bytes:
                    raise BookingError(f"{source} is damaged: {member.name[:60]!r} is not what its manifest says")
                _unpack(_content(tar, member), folder / member.name)
            for name, part in manifest.parts.items():
                if not (folder / name).exists() or _part(folder / name) != part:
                    raise BookingError(f"{source} is damaged: {name} is missing or not what was saved")
            for name in manifest.parts.keys() & set(DATABASES):
                check_copy(folder / name, manifest.schema)
            yield folder, manifest
    except (tarfile.TarError, EOFError) as error:
        raise BookingError(f"{source} is no backup of this service, or damaged: {error}") from error


def _manifest(source: Path, content: bytes) -> Manifest:
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise BookingError(f"{source} is no backup of this service: its manifest cannot be read ({error})") from error
    if manifest.form != FORM:
        raise BookingError(f"{source} has form {manifest.form}; this Seatgate reads form {FORM}: use a newer version")
    known = ({SQLITE, *SECRETS}, {POSTGRES, *SECRETS})
    if set(manifest.parts) not in known or any(manifest.parts[name].bytes > MAX_SECRET for name in SECRETS):
        raise BookingError(f"{source} is no backup of this service: it should hold a database, {', '.join(SECRETS)}")
    return manifest


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> BinaryIO:
    content = tar.extractfile(member)
    if content is None:
        raise BookingError(f"{member.name[:60]!r} in the backup is no file")
    return content  # type: ignore[return-value]  # typeshed calls it IO[bytes]


def _unpack(content: BinaryIO, target: Path) -> None:
    with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        shutil.copyfileobj(content, file, _CHUNK)
        file.flush()
        os.fsync(file.fileno())


def _part(file: Path) -> Part:
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return Part(file.stat().st_size, digest)
