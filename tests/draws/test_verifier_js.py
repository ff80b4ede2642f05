"""The verifier in JavaScript repeats what the one in Python does, and refuses it in the same words.

Its cases are those of `test_verifier`; they all run in one process of node.
"""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.draws import reading, verify_draw
from tests import nodejs
from tests.draws.tampering import (
    DAMAGES,
    OFFICER_DAMAGES,
    OWN_DAMAGES,
    bundle,
    listed,
    own_items,
    private,
    proven,
    with_officers,
)
from tests.draws.vectors import ASSIGNMENT_SHA256, VECTORS

SCRIPT = reading.VERIFIERS["verify_draw.js"]


def first(folder: Path) -> Path:
    return bundle(folder, VECTORS[0])


def one_line(folder: Path) -> Path:
    proven("U05")(private(folder))
    return folder


TABLES: dict[str, tuple[Callable[[Path], Path], dict[str, tuple[Callable[[Path], None], str]]]] = {
    "draw": (first, DAMAGES),
    "teams": (with_officers, OFFICER_DAMAGES),
    "own": (one_line, OWN_DAMAGES),
}


@pytest.fixture(scope="module", params=TABLES)
def tampered(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[str, str, Path, nodejs.Said]]:
    """Every damage of a table: its name, the reason expected, the folder, what was said."""
    publish, damages = TABLES[request.param]
    cases = []
    for name, (hurt, reason) in damages.items():
        folder = publish(tmp_path_factory.mktemp("tampered"))
        hurt(folder)
        cases.append((name, reason, folder))
    own = "line.json" if request.param == "own" else None
    said = nodejs.verify_many([folder for _, _, folder in cases], own)
    return [(*case, one) for case, one in zip(cases, said, strict=True)]


def refusal(text: str) -> str:
    """The sentence that refuses; what a machine or a JSON parser adds to it differs."""
    found = re.search(r"^  × (.*)$", text, re.MULTILINE)
    assert found is not None, text
    return re.sub(r"(读不到文件 \S+json|读不到文件 \S+tsv|格式不正确：).*", r"\1", found[1])


def test_what_was_tampered_with_is_refused_for_the_same_reason(
    tampered: list[tuple[str, str, Path, nodejs.Said]], capsys: pytest.CaptureFixture[str]
):
    for name, reason, folder, said in tampered:
        assert not said.verified, name
        assert reason in said.text, name
        assert said.text.endswith("验证不通过 | NOT verified")
        own = ["--own", str(folder / "line.json")] if (folder / "line.json").exists() else []
        assert verify_draw.main([*own, str(folder)]) == 1
        assert refusal(said.text) == refusal(capsys.readouterr().out), name


def test_it_repeats_the_published_draws_and_says_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folders = [tmp_path / str(number) for number in range(5)]
    for folder in folders:
        folder.mkdir()
    for folder, vector in zip(folders, VECTORS, strict=False):
        bundle(folder, vector)
    with_officers(folders[3])
    listed()(bundle(folders[4], VECTORS[2]))

    said = nodejs.verify_many(folders)

    assert all(one.verified for one in said), [one.text for one in said]
    assert ASSIGNMENT_SHA256 in said[3].text
    for one, vector in zip(said, VECTORS, strict=False):
        assert vector.x in one.text
        assert vector.result_sha256 in one.text
    for folder, one in zip(folders, said, strict=True):
        assert verify_draw.main([str(folder)]) == 0
        assert capsys.readouterr().out == one.text + "\n"


@pytest.mark.parametrize("own", ["U05", "U06", "U09", "U99"])
def test_a_unit_checks_its_own_lot_and_is_told_the_same(
    own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folders = [tmp_path / name for name in ("proof", "line", "list")]
    for folder in folders:
        folder.mkdir()
    proven(own)(private(folders[0]))
    own_items([{"line": f"{own}\t公共场所\t10"}])(private(folders[1]))
    bundle(folders[2], VECTORS[0])

    said = [*nodejs.verify_many(folders[:2], "line.json"), *nodejs.verify_many(folders[2:], own)]

    for folder, one in zip(folders, said, strict=True):
        name = own if folder == folders[2] else str(folder / "line.json")
        code = verify_draw.main(["--own", name, str(folder)])
        assert capsys.readouterr().out == one.text + "\n"
        assert one.verified is (code == 0)
    assert said[0].verified
    assert said[2].verified


def test_it_runs_alone_inside_an_exported_folder(tmp_path: Path):
    with_officers(tmp_path)
    shutil.copy(SCRIPT, tmp_path / "verify_draw.js")

    code, said = nodejs.run([tmp_path / "verify_draw.js"])

    assert (code, ASSIGNMENT_SHA256 in said) == (0, True)
    names = [str(tmp_path / name) for name in ("manifest.json", "population.tsv", "reveal.json")]
    code, said = nodejs.run([SCRIPT, *names])
    assert (code, "the assignment of officers was not checked" in said) == (0, True)
    proven("U05")(private(tmp_path))
    code, said = nodejs.run([SCRIPT, "--own", str(tmp_path / "line.json"), str(tmp_path)])
    assert (code, "U05: selected" in said) == (0, True)
    (tmp_path / "result.tsv").write_bytes(b"")
    assert nodejs.run([SCRIPT, "--own", str(tmp_path / "line.json"), str(tmp_path)])[0] == 1


@pytest.mark.parametrize(
    "arguments", [["manifest.json"], ["--own"], ["--own", "U05", "a", "b"], ["a", "b"]]
)
def test_it_says_how_to_call_it_when_called_wrongly(arguments: list[str]):
    code, said = nodejs.run([SCRIPT, *arguments])

    assert code == 1
    assert "node verify_draw.js manifest.json population.tsv reveal.json" in said


def test_it_is_one_file_that_takes_nothing_but_what_a_browser_has():
    text = SCRIPT.read_text(encoding="utf-8")
    assert set(re.findall(r"""require\(["'](.+?)["']\)""", text)) == {"fs", "path"}
    assert not re.search(r"\b(import|eval|fetch|XMLHttpRequest|Function)\b\s*\(", text)
    program = "globalThis.require = undefined; (0, eval)(process.argv[1]); verifyDraw({})"
    done = subprocess.run(
        [nodejs.node(), "--input-type=module", "-e", program, text],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
