"""Other Pythons than the suite's own, to run the stand-alone verifier with.

Those found on PATH or kept by pyenv, from 3.8 on; and CPython 3.13 compiled to WebAssembly, from a
package that npm installs once beside its lock, because a system seldom has another Python.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import nodejs

HERE = Path(__file__).parent / "pyodide"
MINORS = range(8, 20)


def at_hand() -> list[str]:
    """Return the Pythons of this machine from 3.8 on, the suite's own first, each version once."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = {_version(sys.executable): sys.executable}
    for minor in MINORS:
        name = f"python3.{minor}"
        kept = sorted(str(path) for path in root.glob(f"versions/*/bin/{name}"))
        for path in (shutil.which(name), *kept):
            version = None if path is None else _version(path)
            if path is not None and version is not None:
                found.setdefault(version, path)
    return [path for version, path in found.items() if version is not None]


def _version(path: str) -> str | None:
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([path, "-c", program], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None  # pyenv's shims answer an error


def verify(program: str, folder: Path, own: str = "") -> tuple[int, str]:
    """Run the verifier in a folder with one Python, alone, warnings being errors."""
    done = subprocess.run(
        [program, "-I", "-W", "error", "verify_draw.py", *(["--own", own] if own else [])],
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=False,
        timeout=240,
    )
    assert done.stderr == b"", done.stderr.decode()
    return done.returncode, done.stdout.decode()


def in_webassembly(folder: Path) -> tuple[str, str]:
    """Run the verifier of a folder in CPython 3.13 compiled to WebAssembly.

    Returns its version and what the verifier says. Skips the test where npm cannot install it.
    """
    _install()
    code, said = nodejs.run([HERE / "verify.mjs", folder])
    assert code == 0, said
    version, _, rest = said.partition("\n")
    return version, rest


def _install() -> None:
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    stamp = HERE / "node_modules" / "set-up"
    if stamp.exists() and stamp.read_text() == lock:
        return
    place = Path(nodejs.node()).parent
    path = os.pathsep.join([str(place), os.environ.get("PATH", "")])
    npm = shutil.which("npm", path=path)
    assert npm is not None, "no npm: the lock of the development tools brings one"
    done = subprocess.run(
        [npm, "ci", "--silent", "--no-progress"],
        cwd=HERE,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        pytest.skip(f"npm cannot install Python in WebAssembly here: {done.stderr[-400:]}")
    stamp.write_text(lock)
