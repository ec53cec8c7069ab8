"""A code as a picture: dark modules on white as one SVG path, crisp at any size."""

import base64

from markupsafe import Markup

from display.qr import QUIET_MODULES, modules


def code_svg(text: str, label: str = "") -> Markup:
    """Return `text` as an SVG element with its quiet zone; `label` names it to who cannot see it."""
    rows = modules(text)
    side = len(rows) + 2 * QUIET_MODULES
    path = "".join(
        f"M{x + QUIET_MODULES},{y + QUIET_MODULES}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, dark in enumerate(row)
        if dark
    )
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="code" role="img" aria-label="{label}" '
        'viewBox="0 0 {side} {side}" shape-rendering="crispEdges">'
        '<path fill="#fff" d="M0,0h{side}v{side}h-{side}z"/><path fill="#000" d="{path}"/></svg>'
    ).format(label=label, side=side, path=path)


def code_data_url(text: str) -> str:
    """Return the same picture as a data URL."""
    return "data:image/svg+xml;base64," + base64.b64encode(code_svg(text).encode()).decode()
