"""A small tus client over a tablet's line, and the photos it sends."""

import base64
import hashlib
import io
from dataclasses import dataclass
from typing import Any

from PIL import ExifTags, Image, ImageDraw

from tests.sync.tablet import ROOT, Answer, Tablet

OCTETS = "application/offset+octet-stream"
HERE = {1: "N", 2: (31.0, 13.0, 13.6416), 3: "E", 4: (121.0, 25.0, 28.8408)}


def photo(number: int = 1, *, taken: str | None = "2026:11:21 08:59:30", edge: int = 640) -> bytes:
    """A JPEG of its own for each number, taken near 长宁's hall, with EXIF."""
    image = Image.linear_gradient("L").resize((edge, edge * 3 // 4)).convert("RGB")
    ImageDraw.Draw(image).ellipse((number % 300, 20, number % 300 + 90, 200), fill="red")
    exif = Image.Exif()
    exif[ExifTags.Base.ImageUniqueID] = f"{number:032x}"
    if taken:
        exif[ExifTags.IFD.Exif] = {0x9003: taken, 0x9011: "+08:00"}
        exif[ExifTags.IFD.GPSInfo] = HERE
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif)
    return out.getvalue()


def sha256(data: bytes) -> str:
    """The name of a file."""
    return hashlib.sha256(data).hexdigest()


def checksum(data: bytes, algorithm: str = "sha256") -> str:
    """An `Upload-Checksum` header."""
    digest = hashlib.new(algorithm, data).digest()
    return f"{algorithm} {base64.b64encode(digest).decode()}"


def metadata(values: dict[str, str]) -> str:
    """An `Upload-Metadata` header."""
    return ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items()
    )


def described(data: bytes, **values: str) -> dict[str, str]:
    """What a tablet says of a photo."""
    return {"sha256": sha256(data), "size": str(len(data)), "role": "photo", **values}


@dataclass
class Tus:
    """The requests of tus, as a tablet sends them."""

    tablet: Tablet

    def ask(
        self, method: str, location: str = "/uploads", body: bytes = b"", **headers: str
    ) -> Answer:
        """Send one request; `Tus_Resumable` and others are headers."""
        sent: Any = {"Tus_Resumable": "1.0.0", **headers}
        return self.tablet.request(method, location.removeprefix(ROOT), body, **sent)

    def create(
        self, data: bytes, *, said: dict[str, str] | None = None, body: bytes = b"", **headers: str
    ) -> Answer:
        """Begin an upload of `data`, described as it is unless `said` differs."""
        if body:
            headers.setdefault("Content_Type", OCTETS)
        told = metadata(described(data) if said is None else said)
        return self.ask(
            "POST", body=body, Upload_Length=str(len(data)), Upload_Metadata=told, **headers
        )

    def announce(self, digest: str, size: int, mime: str = "image/jpeg") -> Answer:
        """Begin an upload of so many bytes that need not exist."""
        said = {"sha256": digest, "size": str(size), "mime": mime}
        return self.ask("POST", Upload_Length=str(size), Upload_Metadata=metadata(said))

    def begin(self, data: bytes, **said: str) -> str:
        """Begin an upload; returns where."""
        answer = self.create(data, said=described(data, **said))
        assert answer.status == 201, answer.body
        return answer.headers["Location"]

    def patch(self, location: str, offset: int, body: bytes, **headers: str) -> Answer:
        """Go on from an offset."""
        headers.setdefault("Content_Type", OCTETS)
        return self.ask("PATCH", location, body, Upload_Offset=str(offset), **headers)

    def head(self, location: str, **headers: str) -> Answer:
        """Ask how far it has come."""
        return self.ask("HEAD", location, b"", **headers)

    def offset(self, location: str) -> int:
        """How many bytes have come."""
        return int(self.head(location).headers["Upload-Offset"])

    def send(self, data: bytes, *, step: int = 1 << 30, **said: str) -> str:
        """Upload in pieces of `step`, from wherever the server is; returns where."""
        location = self.begin(data, **said)
        while (offset := self.offset(location)) < len(data):
            answer = self.patch(location, offset, data[offset : offset + step])
            assert answer.status == 204, answer.body
        return location


def problem(answer: Answer) -> tuple[int, str]:
    """Status and code of a failure, which has its content type."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json
    assert body["status"] == answer.status
    return answer.status, str(body["type"]).removeprefix("/problems/")
