"""Puts the web layer together: routes, error answers and middleware in one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from booking.web.context import Context


def create_app(context: Context) -> FastAPI:
    """Return the ASGI application of the booking service. It listens to the writer's commits for its live maps."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        context.live.open()
        yield
        context.live.close()

    app = FastAPI(title="Seatgate", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.context = context
    context.writer.on_commit(context.live.touched)
    return app
