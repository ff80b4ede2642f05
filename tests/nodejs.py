"""Node.js for tests: the one of the environment, which the development lock brings."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from app.draws import reading

MANY = Path(__file__).parent / "draws" / "many.js"


class Said(NamedTuple):
    """What the verifier in JavaScript said of a draw, and how long it took."""

    verified: bool
    text: str
    ms: float


def node() -> str:
    """Return the path of node, of the environment before any other."""
    own = Path(sys.executable).parent / "node"
    found = str(own) if own.exists() else shutil.which("node")
    assert found is not None, "no node: the lock of the development tools brings one"
    return found


def run(arguments: Sequence[str | Path], stdin: bytes = b"") -> tuple[int, str]:
    """Run a script to its end; return exit code and output. It may write no error."""
    done = subprocess.run(
        [node(), *map(str, arguments)], input=stdin, capture_output=True, check=False, timeout=240
    )
    assert done.stderr == b"", done.stderr.decode()
    return done.returncode, done.stdout.decode()


def verify_many(folders: Sequence[Path], own: str | None = None) -> list[Said]:
    """Let the verifier in JavaScript check the draws in many folders, in one process.

    own: an archive number whose lot alone is checked, or `line.json` for the file in the folder.
    """
    asked: list[dict[str, Any]] = [
        {"folder": str(folder), **({} if own is None else {"own": own})} for folder in folders
    ]
    stdin = "".join(json.dumps(one) + "\n" for one in asked).encode()
    code, out = run([MANY, reading.VERIFIERS["verify_draw.js"]], stdin)
    assert code == 0, out
    answers = [json.loads(line) for line in out.splitlines()]
    assert len(answers) == len(folders)
    return [Said(one["verified"], "\n".join(one["lines"]), one["ms"]) for one in answers]
