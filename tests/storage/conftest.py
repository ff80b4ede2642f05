"""A storage of every kind: a test that takes it runs once on each."""

import uuid
from pathlib import Path

import pytest

from app.storage import Storage


@pytest.fixture(params=["disk", "memory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """A storage that is empty."""
    if request.param == "disk":
        return Storage.from_url(f"file://{tmp_path}/photos")
    if request.param == "memory":
        return Storage.from_url("memory://")
    server = request.getfixturevalue("s3_server")
    return Storage.from_url(server.url(f"photos/{uuid.uuid4().hex}"), environ=server.environ)
