"""Pages: Jinja environments, what every page is given, and the page that says no."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from booking.domain.refusals import RefusalCode
from booking.web import refusal_words, sentences
from booking.web.language import Words
from booking.web.problems import Refused, refuse
from booking.web.requests import page_words
from booking.web.service_routes import StaticFile
from booking.web.sessions import Caller, caller_of, check_form, context_of

SEE_OTHER = 303
MAX_NEXT_CHARS = 500


class Templates:
    """The compiled templates. What they show is escaped; a name they do not get is an error."""

    def __init__(self, static: Mapping[str, StaticFile]) -> None:
        self._environment = Environment(
            loader=PackageLoader("booking.web"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals["static"] = lambda name: f"/static/{name}?v={static[name].fingerprint}"
        self._environment.globals["new_key"] = lambda: secrets.token_urlsafe(16)
        self._environment.globals["soon"] = soon
        self._environment.globals["strong"] = strong

    def render(self, name: str, facts: Mapping[str, Any]) -> str:
        """Fill one template."""
        return self._environment.get_template(name).render(facts)


def soon(text: str) -> Markup:
    """Mark a time that the reader must act by."""
    return Markup("<b class=deadline>{}</b>").format(text)


def strong(text: object) -> Markup:
    """Set a number apart."""
    return Markup("<b>{}</b>").format(text)


def render(
    request: Request, template: str, *, caller: Caller | None, tab: str = "", status: int = 200, **facts: Any
) -> HTMLResponse:
    """Return a page in the reader's language."""
    context, words = context_of(request), page_words(request)

    def marked(message: str, **parts: Any) -> Markup:
        return Markup(escape(words(message))).format(**parts)  # noqa: S704 - escaped here, and so is each part

    templates: Templates = request.app.state.templates
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    body = templates.render(
        template,
        {
            "_": words,
            "marked": marked,
            "words": words,
            "site": context.site,
            "person": caller,
            "tab": tab,
            "path": quote(path, safe="") if request.method == "GET" else "%2F",
            "SENTENCES": sentences,
            # the page that tells of a fault must not need what may be broken
            "evacuations": []
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR
            else context.reads.evacuations(going_on=True),
            **facts,
        },
    )
    return HTMLResponse(body, status, {"Cache-Control": "no-store"})


def page_caller(request: Request) -> Caller:
    """Return who is signed in; Refused (answered by a way to the sign-in page) without."""
    caller = caller_of(request)
    if caller is None:
        raise refuse(RefusalCode.SIGN_IN_REQUIRED)
    return caller


async def form_caller(request: Request) -> tuple[Caller, dict[str, str]]:
    """Return who sent a form and its fields; Refused when it is not from one of our pages."""
    caller = page_caller(request)
    form = {
        name: value
        for name, value in (await request.form(max_files=0, max_fields=40)).items()
        if isinstance(value, str)
    }
    check_form(request, caller, form.get("csrf"))
    return caller, form


def see(path: str) -> RedirectResponse:
    """Send the browser on after a change, so that going back or reloading repeats nothing."""
    return RedirectResponse(path, SEE_OTHER)


def safe_next(path: str | None) -> str:
    """Return a path of ours to go on to; the home page for anything else."""
    if not path or len(path) > MAX_NEXT_CHARS or not path.startswith("/") or path.startswith(("//", "/\\")):
        return "/"
    parts = urlsplit(path)
    return path if not parts.scheme and not parts.netloc and path.isprintable() else "/"


def refusal_page(request: Request, refused: Refused, headers: Mapping[str, str]) -> Response:
    """Answer a refusal to a browser: what is wrong, and what to do now."""
    refusal, words = refused.refusal, page_words(request)
    if refusal.code is RefusalCode.SIGN_IN_REQUIRED:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return see(
            "/sign-in" + (f"?next={quote(target, safe='')}" if request.method == "GET" and target != "/" else "")
        )
    try:
        caller = caller_of(request)
    except Exception:  # noqa: BLE001 - a page that says what broke must not break of the same cause
        caller = None
    context = context_of(request)
    page = render(
        request,
        "refusal.html",
        caller=caller,
        status=refused.status,
        title=refusal_words.title(refusal, words),
        reason=refusal_words.reason(refusal, words, context.site.policy),
        code=str(refusal.code),
        scan=str(refusal.code).startswith("code-") or refusal.code is RefusalCode.GRANT_EXPIRED,
    )
    page.headers.update(headers)
    return page


def clock_line(words: Words, now: datetime) -> str:
    """Write the header's clock: "7月17日 周一 16:38"."""
    return f"{words.date_line(now)} {words.time(now)}"
