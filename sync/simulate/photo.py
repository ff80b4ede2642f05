"""Photos as a tablet's camera makes them: real JPEG files with place and time in their EXIF."""

import io
import random
from datetime import datetime

from PIL import Image, ImageDraw

from app.clock import SHANGHAI

_GPS, _EXIF = 0x8825, 0x8769


def take(
    chance: random.Random, *, at: datetime, lat_e7: int, lon_e7: int, edge: int = 640
) -> bytes:
    """Return a JPEG that no other call returns, taken at `at` (aware) at a WGS-84 point."""
    image = Image.effect_noise((edge, edge * 3 // 4), chance.uniform(20, 60)).convert("RGB")
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        left, top = chance.randrange(edge), chance.randrange(edge * 3 // 4)
        colour = (chance.randrange(256), chance.randrange(256), chance.randrange(256))
        draw.rectangle((left, top, left + chance.randrange(20, 160), top + 60), fill=colour)
    exif = Image.Exif()
    local = at.astimezone(SHANGHAI)
    exif[0x010F], exif[0x0110] = "Suicha", "simulated tablet"
    exif[_EXIF] = {
        0x9003: local.strftime("%Y:%m:%d %H:%M:%S"),
        0x9011: "+08:00",
        0xA420: f"{chance.getrandbits(128):032x}",
    }
    exif[_GPS] = {
        1: "N" if lat_e7 >= 0 else "S",
        2: _degrees(lat_e7),
        3: "E" if lon_e7 >= 0 else "W",
        4: _degrees(lon_e7),
    }
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85, exif=exif)
    return out.getvalue()


def _degrees(value_e7: int) -> tuple[float, float, float]:
    whole = abs(value_e7)
    degrees, rest = divmod(whole, 10_000_000)
    minutes, rest = divmod(rest * 60, 10_000_000)
    return float(degrees), float(minutes), rest * 60 / 10_000_000
