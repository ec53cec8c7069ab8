"""The OpenAPI 3.1 document: FastAPI's, with the plain routes and the problem answers added."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from booking.domain.refusals import RefusalCode
from booking.web import api_areas
from booking.web.models import ProblemOut, ReservationOut
from booking.web.models_draws import EnteredOut
from booking.web.wishes import ReserveIn

REFERENCE = "#/components/schemas/{model}"
KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "What was done under a key is not done again and answered as before, for seven days; the same key "
    "with another request is refused. A refusal is not kept: asked again under its key, a request is judged again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
}
WITHOUT_KEY = {
    "/api/v1/session",
    "/api/v1/devices/enroll",
    "/api/v1/reader-codes",
    "/api/v1/waits",
    "/api/v1/calendar",
    "/api/v1/activation-codes",
    "/api/v1/bindings",
    # these two are the same however often they come
    "/api/v1/bindings/{binding_id}/confirm",
    "/api/v1/bindings/{binding_id}/refuse",
}
"""Operations that need no key, or whose answer is a secret that is never stored."""
WITHOUT_SIGN_IN = {("/api/v1/session", "post"), ("/api/v1/bindings", "post")}
PUBLIC = {
    "/api/v1/venues",
    "/api/v1/areas",
    "/api/v1/areas/{area_id}/seats",
    "/api/v1/areas/{area_id}/hours",
    "/api/v1/areas/{area_id}/events",
    "/api/v1/notices",
    "/api/v1/draws",
    "/api/v1/draws/{day}",
    "/api/v1/calendar/{secret}.ics",
}


def document(app: FastAPI) -> dict[str, Any]:
    """Return the document; made once."""
    if app.openapi_schema:
        return app.openapi_schema
    schema = get_openapi(
        title="Seatgate",
        version=app.version,
        openapi_version="3.1.0",
        summary="Library seats: areas, reservations, check-in, gate records.",
        description="Refusals are RFC 9457 problems: `code` is one of a closed list, `policy_key` names the rule that "
        "decided, `sentences` says why in both languages. Times carry the site's offset.",
        routes=app.routes,
    )
    schema["paths"]["/api/v1/areas/{area_id}/events"] = api_areas.EVENTS_OPENAPI
    schema["paths"].setdefault("/api/v1/reservations", {})["post"] = _reserve()
    components = schema.setdefault("components", {})
    models = components.setdefault("schemas", {})
    for model in (ReserveIn, ReservationOut, EnteredOut, ProblemOut):
        made = model.model_json_schema(ref_template=REFERENCE)
        models.update(made.pop("$defs", {}))
        models[model.__name__] = made
    models["ProblemOut"]["properties"]["code"] = {"type": "string", "enum": [str(code) for code in RefusalCode]}
    for unused in ("HTTPValidationError", "ValidationError"):
        models.pop(unused, None)
    components["responses"] = {"Problem": _problem_response()}
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "The token that POST /api/v1/session returns."},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "seatgate", "description": "Needs a same-origin Origin."},
    }
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _finish(path, method, operation)
    app.openapi_schema = schema
    return schema


def _finish(path: str, method: str, operation: dict[str, Any]) -> None:
    """Give an operation our problem answers, its key parameter and its security."""
    for status in sorted(_refusals(path, method)):
        operation["responses"][str(status)] = {"$ref": "#/components/responses/Problem"}
    if path.startswith("/api/v1") and path not in PUBLIC and "/devices" not in path and "/kiosks" not in path:
        operation["security"] = [] if (path, method) in WITHOUT_SIGN_IN else [{"bearer": []}, {"cookie": []}]
        if method == "post" and path not in WITHOUT_KEY:
            operation.setdefault("parameters", []).append(KEY_PARAMETER)


def _refusals(path: str, method: str) -> set[int]:
    """Return the statuses of every "no" that an operation can give; contract tests hold each answer against them."""
    found = {400, 422, 503}  # a wrong form, and a service that has to be asked again
    if "{" in path:
        found.add(404)
    if not _is_public(path):
        found |= {401, 403}
    if method != "get":
        # another state of things, what is over, a body too large, too many tries
        found |= {401, 403, 404, 409, 410, 413, 429}
    return found


def _is_public(path: str) -> bool:
    return path in PUBLIC or not path.startswith("/api/v1")


def _reserve() -> dict[str, Any]:
    return {
        "tags": ["reservations"],
        "summary": "Book a seat",
        "description": "A seat; or an area, for its best free seat; or both: that seat, else the best there.",
        "operationId": "reserve",
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("ReserveIn")}}},
        "responses": {
            "201": {"description": "Booked", "content": {"application/json": {"schema": _ref("ReservationOut")}}},
            "202": {
                "description": "In the draw of that day: decided by lot at `decided_at`",
                "content": {"application/json": {"schema": _ref("EnteredOut")}},
            },
        },
    }


def _problem_response() -> dict[str, Any]:
    return {
        "description": "Why not (RFC 9457)",
        "content": {"application/problem+json": {"schema": _ref("ProblemOut")}},
    }


def _ref(model: str) -> dict[str, str]:
    return {"$ref": REFERENCE.format(model=model)}
