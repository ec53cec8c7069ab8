"""What the API gives about who somebody is, as pydantic types."""

from datetime import datetime

from pydantic import BaseModel

from booking.service.identity import BindingStatus, BindingView
from booking.web.language import Words


class ActivationCodeOut(BaseModel):
    """Six digits that bind an app to their student number; `link` does the same, `picture` is the link as a QR code."""

    code: str
    link: str
    picture: str
    expires_at: datetime


class BindingAskedOut(BaseModel):
    """An app that knew the code. `token` (`Authorization: Bearer`) counts once the reader has confirmed."""

    id: str
    status: BindingStatus
    token: str
    confirm_until: datetime


class BindingOut(BaseModel):
    """An app of the reader."""

    id: str
    app: str
    status: BindingStatus
    asked_at: datetime
    confirm_until: datetime
    answered_at: datetime | None

    @classmethod
    def of(cls, view: BindingView, words: Words) -> "BindingOut":
        """Take over a view."""
        return cls(
            id=view.id,
            app=view.app,
            status=view.status,
            asked_at=words.local(view.asked_at),
            confirm_until=words.local(view.confirm_until),
            answered_at=words.local(view.answered_at) if view.answered_at else None,
        )


class BindingsOut(BaseModel):
    """The reader's apps that are bound or ask to be."""

    items: list[BindingOut]
