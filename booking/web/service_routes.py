"""What machines ask of the service: health, readiness, metrics, the API's description, static files."""

import gzip
import hashlib
import mimetypes
from importlib import resources

import msgspec
from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from booking.web.metrics import CONTENT_TYPE_LATEST, Metrics
from booking.web.openapi import document
from booking.web.sessions import context_of

router = APIRouter(include_in_schema=False)
YEAR = "public, max-age=31536000, immutable"


class StaticFile(msgspec.Struct, frozen=True):
    """One shipped file, read once: its bytes, the same gzipped, its type and its fingerprint."""

    content: bytes
    zipped: bytes
    media_type: str
    fingerprint: str


def load_static() -> dict[str, StaticFile]:
    """Read every shipped static file."""
    files = {}
    for file in resources.files("booking.web").joinpath("static").iterdir():
        if file.is_file():
            content = file.read_bytes()
            files[file.name] = StaticFile(
                content,
                gzip.compress(content, 9, mtime=0),
                mimetypes.guess_type(file.name)[0] or "text/plain",
                hashlib.sha256(content).hexdigest()[:12],
            )
    return files


@router.get("/static/{name}")
async def static(request: Request, name: str) -> Response:
    """Serve a shipped file; its address holds its fingerprint, so a browser may keep it."""
    files: dict[str, StaticFile] = request.app.state.static
    file = files.get(name)
    if file is None:
        raise HTTPException(404)
    known = request.query_params.get("v") == file.fingerprint
    headers = {"Cache-Control": YEAR if known else "no-cache", "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.zipped, headers=headers | {"Content-Encoding": "gzip"}, media_type=file.media_type)
    return Response(file.content, headers=headers, media_type=file.media_type)


@router.get("/healthz")
async def healthz() -> PlainTextResponse:
    """Say that the process answers."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """Say whether the service can do its work, and what keeps it from that."""
    context = context_of(request)
    faults = context.faults()
    said = {"ready": not faults, "faults": faults, "worker": context.worker, "leading": context.leading()}
    return JSONResponse(said, 503 if faults else 200)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Give Prometheus its counts."""
    held: Metrics = request.app.state.metrics
    return Response(held.text(), media_type=CONTENT_TYPE_LATEST)


@router.get("/openapi.json")
async def openapi(request: Request) -> JSONResponse:
    """Give the API's OpenAPI 3.1 document."""
    return JSONResponse(document(request.app))
