"""Puts the web layer together: routes, error answers and middleware in one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from booking.web import (
    api_areas,
    api_bindings,
    api_calendar,
    api_channels,
    api_checkin,
    api_devices,
    api_draws,
    api_evacuations,
    api_floor,
    api_gate_orders,
    api_kiosks,
    api_moves,
    api_notices,
    api_presence,
    api_records,
    api_reservations,
    api_session,
    api_violations,
    api_waits,
    imports,
    pages,
    pages_activation,
    pages_alerts,
    pages_book,
    pages_calendar,
    pages_channels,
    pages_checkin,
    pages_desk,
    pages_docs,
    pages_draws,
    pages_evacuations,
    pages_floor,
    pages_gate_orders,
    pages_gates,
    pages_me,
    pages_move,
    pages_notices,
    pages_patrol,
    pages_records,
    pages_session,
    pages_sso,
    pages_staff,
    pages_violations,
    pages_waits,
    problems,
    service_routes,
)
from booking.web.activation import Bells
from booking.web.context import Context
from booking.web.express import Express
from booking.web.metrics import Metrics, counts_of
from booking.web.middleware import BodyLimit, Surround, own_headers
from booking.web.sign_in import Doorman
from booking.web.university import University

VERSION = "1"
API = (
    api_session.router,
    api_areas.router,
    api_reservations.router,
    api_presence.router,
    api_moves.router,
    api_checkin.router,
    api_records.router,
    api_violations.router,
    api_notices.router,
    api_channels.router,
    api_calendar.router,
    api_waits.router,
    api_draws.router,
    api_devices.router,
    api_floor.router,
    api_evacuations.router,
    api_gate_orders.router,
    api_kiosks.router,
    api_bindings.router,
)
PLAIN = [api_reservations.RESERVE, api_areas.EVENTS]
PAGES = (
    pages_session.router,
    pages_sso.router,
    pages_book.router,
    pages_move.router,
    pages_records.router,
    pages_checkin.router,
    pages_me.router,
    pages_activation.router,
    pages_desk.router,
    pages_staff.router,
    pages_gates.router,
    pages_violations.router,
    pages_notices.router,
    pages_floor.router,
    pages_patrol.router,
    pages_draws.router,
    pages_evacuations.router,
    pages_gate_orders.router,
    pages_alerts.router,
    pages_channels.router,
    pages_calendar.router,
    pages_waits.router,
    pages_docs.router,
    imports.router,
    service_routes.router,
)


class Application(FastAPI):
    """FastAPI with something in front of all its own layers: `front` gets every request, `behind` is what it hands on to."""

    front: ASGIApp
    express: Express
    """What answers the plain bookings before any layer of this; the server asks it first."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the front."""
        scope["app"] = self
        await self.front(scope, receive, send)

    async def behind(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through the framework."""
        await super().__call__(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Leave out the framework's own answer to a fault: the front has one."""
        stack = super().build_middleware_stack()
        return stack.app if isinstance(stack, ServerErrorMiddleware) else stack


def create_app(context: Context) -> Application:
    """Return the ASGI application of the booking service. It listens to the writer's commits for its live maps."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        context.live.open()
        yield
        context.live.close()

    app = Application(
        title="Seatgate",
        version=VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        exception_handlers={
            problems.Refused: problems.on_refused,
            HTTPException: problems.on_http,
            RequestValidationError: problems.on_invalid,
        },
    )
    app.state.context = context
    app.state.static = service_routes.load_static()
    app.state.metrics = Metrics(context, counts_of(context))
    app.state.doorman = Doorman(context)
    app.state.university = University(context)
    app.state.bells = Bells()
    app.state.refusal_page = pages.refusal_page
    app.state.templates = pages.Templates(app.state.static)
    app.router.routes += PLAIN
    for router in (*API, *PAGES):
        app.include_router(router)

    def on_fault(scope: Scope, error: Exception) -> Response:
        return problems.on_fault({**scope, "app": app}, error)

    app.add_middleware(BodyLimit)
    app.express = Express(context, app.state.metrics, own_headers(secure=context.secure))
    app.front = Surround(
        app.behind, metrics=app.state.metrics, on_fault=on_fault, plain_routes=PLAIN, secure=context.secure
    )
    context.writer.on_commit(context.live.touched)
    context.writer.on_commit(context.screens.committed)
    return app
