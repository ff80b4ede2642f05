"""A real browser for tests: Chromium of the system, driven by Playwright."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

INSTALL = Path(__file__).parent / "install_chromium.sh"
INSTALL_S = 600  # give a test that opens a browser more than this


@contextmanager
def browser() -> Iterator[Browser]:
    """Open Chromium; it is installed where it is missing, and the test skipped where it cannot be.

    Headless, without its sandbox, because the tests may run as root.
    """
    path = _chromium()
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


def _chromium() -> str:
    found = shutil.which("chromium")
    if found is None:
        done = subprocess.run([INSTALL], capture_output=True, text=True, timeout=INSTALL_S)
        found = shutil.which("chromium")
        if done.returncode or found is None:
            pytest.skip(f"Chromium cannot be had here: {done.stderr.strip()[-400:]}")
    return found
