"""`suicha draw`: what an operator and a stranger do with a draw."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.draws.commands import draw_group
from app.draws.stages import Fallback
from tests.draws.office import Office


def invoke(office: Office, *arguments: str) -> Any:
    return office.flask_app.test_cli_runner().invoke(draw_group, arguments)


def check(directory: Path) -> tuple[int, str]:
    """Run the shipped verifier as a stranger would: alone, in the directory of the files."""
    done = subprocess.run(
        [sys.executable, "-I", "verify_draw.py"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout


def test_a_published_draw_is_exported_and_verified_by_a_stranger(
    office: Office, tmp_path: Path
) -> None:
    draw_no = office.drawn()
    office.go(days=31)
    done = invoke(office, "export", draw_no, "--to", str(tmp_path / "bundle"))
    assert done.exit_code == 0, done.output
    code, said = check(tmp_path / "bundle")
    with office.draw(draw_no) as draw:
        assert draw.result_sha256
        assert draw.result_sha256 in said
    assert "assignment.tsv 与重新计算的结果逐字节相同" in said
    assert code == 0
    assert {path.name for path in (tmp_path / "bundle").iterdir()} == {
        "manifest.json",
        "population.tsv",
        "rules.json",
        "reveal.json",
        "result.tsv",
        "officers.tsv",
        "eligible.tsv",
        "assignment.tsv",
        "SHA256SUMS",
        "changes.json",
        "verify_draw.js",
        "verify_draw.py",
        "说明.txt",
    }
    assert invoke(office, "verify", str(tmp_path / "bundle")).exit_code == 0
    assert invoke(office, "verify", draw_no).exit_code == 0


def test_a_bundle_with_one_unit_exchanged_is_refused(office: Office, tmp_path: Path) -> None:
    draw_no = office.drawn()
    office.go(days=31)
    invoke(office, "export", draw_no, "--to", str(tmp_path))
    result = tmp_path / "result.tsv"
    first, second, *rest = result.read_text().splitlines(keepends=True)
    result.write_text(second + first + "".join(rest))
    assert check(tmp_path)[0] == 1
    assert invoke(office, "verify", str(tmp_path)).exit_code == 1


def test_before_the_day_only_what_is_public_is_written(office: Office, tmp_path: Path) -> None:
    draw_no = office.drawn()
    invoke(office, "export", draw_no, "--to", str(tmp_path / "bundle"))
    assert {path.name for path in (tmp_path / "bundle").iterdir()} == {
        "manifest.json",
        "population.tsv",
        "rules.json",
        "verify_draw.js",
        "verify_draw.py",
        "说明.txt",
    }
    assert "公开日：2026-12-22" in (tmp_path / "bundle/说明.txt").read_text(encoding="utf-8")
    refused = invoke(office, "verify", draw_no)
    assert refused.exit_code == 1
    assert "尚未公开" in refused.output


def test_the_would_be_result_of_a_void_draw_verifies_as_well(
    office: Office, tmp_path: Path
) -> None:
    draw_no = office.drawn_until_announced()
    office.void(draw_no)
    office.tick()
    invoke(office, "export", draw_no, "--to", str(tmp_path))
    assert check(tmp_path)[0] == 0


def test_the_list_says_where_each_draw_stands_and_whom_it_waits_for(office: Office) -> None:
    draw_no = office.announced(fallback=Fallback.NONE)
    rows = json.loads(invoke(office, "list", "--json").output)
    assert [(row["draw_no"], row["state"], row["level"]) for row in rows] == [
        (draw_no, "announced", "attended")
    ]
    assert "掷骰" in rows[0]["waits_for"]
    assert rows[0]["result_sha256"] is None
    assert draw_no in invoke(office, "list").output


def test_an_unknown_number_is_said_in_a_sentence(office: Office, tmp_path: Path) -> None:
    done = invoke(office, "export", "310105-2026-0009", "--to", str(tmp_path))
    assert done.exit_code == 1
    assert "没有这个编号的抽取" in done.output
