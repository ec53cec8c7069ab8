"""The two picture codecs: text → QR modules, pixels → PNG bytes. The one owner of qrcode and Pillow."""

import io
from functools import lru_cache

import qrcode
from PIL import Image
from qrcode.constants import ERROR_CORRECT_Q

QUIET_MODULES = 4
"""Light modules that ISO/IEC 18004 asks for on every side."""
MAX_TEXT = 256


@lru_cache(maxsize=8)
def modules(text: str) -> tuple[tuple[bool, ...], ...]:
    """Return the rows of dark (True) and light modules of `text` at error correction Q, without quiet zone.

    Q: with 1-6 % of the code lost to glare it reads where M does not, and up to 29 characters of address still fit
    33 modules. The last few are kept, so that the next code can be made before it is due.
    """
    if len(text) > MAX_TEXT:
        raise ValueError(f"{len(text)} characters are too many for a code that is read across a room")
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_Q, border=0)
    code.add_data(text)
    code.make(fit=True)
    return tuple(tuple(bool(module) for module in row) for row in code.get_matrix())


def png(size: tuple[int, int], pixels: bytes) -> bytes:
    """Return RGB `pixels`, row by row, as a PNG file."""
    file = io.BytesIO()
    Image.frombytes("RGB", size, pixels).save(file, "PNG", compress_level=3)
    return file.getvalue()
