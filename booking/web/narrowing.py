"""Narrowing an area's seats to those by a window or with a socket (筛选), where the site offers it. Never a rule of booking.

"为防止发生纠纷，其他筛选中的靠窗和电源后台已屏蔽，功能失效": what is not in `policy.booking.filters` narrows nothing.
"""

from collections.abc import Collection
from typing import NamedTuple

from booking.domain.refusals import Refusal, RefusalCode
from booking.web import seat_map
from booking.web.context import Context
from booking.web.problems import Refused

KEY = "policy.booking.filters"
MAX_CHARS = 100


class Filter(NamedTuple):
    """One link of the page: its label, whether it is on, and the needs that a tap leads to."""

    label: str
    on: bool
    toggled: str


def needs_of_page(context: Context, text: str) -> list[str]:
    """Return what a page is narrowed to; what the site does not offer, or nobody knows, has no effect."""
    return [name for name in context.site.policy.booking.filters if name in text[:MAX_CHARS].split(",")]


def needs_of_api(context: Context, text: str | None) -> list[str]:
    """Return what an API client narrows to; Refused with the rule's key for what the site does not offer."""
    asked = [name for name in (text or "")[:MAX_CHARS].split(",") if name]
    offered: Collection[str] = context.site.policy.booking.filters
    if all(name in offered for name in asked):
        return asked
    said = f"offered here: {', '.join(offered)}" if offered else "this library offers none"
    raise Refused(
        Refusal(RefusalCode.INVALID_REQUEST, KEY), status=422, errors=[{"field": "features", "problem": said}]
    )


def filters(context: Context, needs: Collection[str]) -> list[Filter]:
    """Return the links that a page shows: each adds its feature, or takes it away again."""
    offered = context.site.policy.booking.filters
    found = []
    for name in offered:
        others = [one for one in offered if (one in needs) is (one is not name)]
        found.append(Filter(seat_map.FEATURES[name], name in needs, ",".join(others)))
    return found
