"""`/docs`: the API's description as one plain page, made on the server from the OpenAPI document. No script, no other host."""

from typing import Any

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import Refusal, RefusalCode
from booking.web import refusal_words
from booking.web.openapi import document
from booking.web.pages import render
from booking.web.problems import status_of
from booking.web.requests import page_words
from booking.web.sessions import caller_of, context_of

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Show every operation, every type and every refusal."""
    schema, words, context = document(request.app), page_words(request), context_of(request)
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            groups.setdefault(operation.get("tags", ["other"])[0], []).append(
                {"method": method.upper(), "path": path, "operation": operation}
            )
    refusals = [
        (str(code), status_of(code), refusal_words.reason(Refusal(code), words, context.site.policy))
        for code in RefusalCode
    ]
    return render(
        request, "docs.html", caller=caller_of(request), groups=groups, models=schema["components"]["schemas"],
        refusals=refusals, version=schema["info"]["version"],
    )  # fmt: skip
