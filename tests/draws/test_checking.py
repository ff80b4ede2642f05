"""What a stranger, and a unit of a private list, can check with what the agency gives out."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.access import Role
from app.draws import checks, queries, reading, service, verify_draw
from app.journal.rules import Event
from tests import nodejs
from tests.draws.office import Office


def export(office: Office, draw_no: str, folder: Path) -> Path:
    """Write what the public may have of a draw into a folder."""
    with office.flask_app.app_context():
        files = reading.public_bundle(service.get_public_draw(draw_no), office.clock.at)
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def published_digest(office: Office, draw_no: str) -> tuple[str, str, int]:
    with office.draw(draw_no) as draw:
        entry = queries.entry_of(draw.id, Event.DRAW_PUBLISHED)
        assert entry is not None
        digest = json.loads(entry.text)["data"]["bundle_sha256"]
        assert checks.promised(draw)["SHA256SUMS"] == digest
        return digest, entry.stream, entry.seq


def test_the_journal_holds_the_digest_of_all_that_became_public(
    office: Office, client: FlaskClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_no = office.drawn()
    office.go(days=31)
    digest, stream, seq = published_digest(office, draw_no)
    folder = export(office, draw_no, tmp_path / "bundle")

    listing = (folder / "SHA256SUMS").read_text(encoding="utf-8")
    assert hashlib.sha256(listing.encode()).hexdigest() == digest
    names = [line.split("  ")[1] for line in listing.splitlines()]
    programs = {"verify_draw.py", "verify_draw.js", "说明.txt", "SHA256SUMS"}
    programs.add("changes.json")  # goes on growing after publication
    assert names == sorted(path.name for path in folder.iterdir() if path.name not in programs)

    said = nodejs.verify_many([folder])[0]
    assert said.verified, said.text
    assert f"SHA256SUMS SHA-256 {digest}" in said.text
    assert verify_draw.main([str(folder)]) == 0
    assert capsys.readouterr().out == said.text + "\n"

    page = client.get(f"/public/draws/{draw_no}").text
    assert digest in page
    assert f"记在日志链 {stream} 第 {seq} 条" in page
    for name in reading.VERIFIERS:
        program = client.get(f"/public/draws/{draw_no}/files/{name}")
        assert program.data == (folder / name).read_bytes()
        told = (folder / "说明.txt").read_text(encoding="utf-8")
        assert f"{name}  {hashlib.sha256(program.data).hexdigest()}" in told
        assert hashlib.sha256(program.data).hexdigest() in page


def test_a_void_draw_is_covered_by_the_journal_as_well(
    office: Office, client: FlaskClient, tmp_path: Path
) -> None:
    draw_no = office.drawn_until_announced()
    office.void(draw_no)
    office.tick()
    folder = export(office, draw_no, tmp_path / "bundle")

    digest = published_digest(office, draw_no)[0]
    assert digest == hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()
    assert digest in client.get(f"/public/draws/{draw_no}").text
    assert nodejs.verify_many([folder])[0].verified


def test_a_unit_of_a_private_list_checks_itself_with_what_the_clerk_hands_over(
    office: Office, client: FlaskClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_no = office.drawn(list_public=False)
    office.go(days=31)
    clerk = office.make.signed_in(Role.CLERK)
    path = f"/api/v1/draws/{draw_no}/proof"
    folders = []
    for number in range(12):
        answer = clerk.get(path, query_string={"archive_no": f"CN{number:03d}"})
        folders.append(export(office, draw_no, tmp_path / str(number)))
        (folders[-1] / "line.json").write_bytes(answer.data)
    rows = [line.split("\t") for line in (folders[0] / "result.tsv").read_text().splitlines()]
    drawn = {row[4] for row in rows if row[3] == "selected"}

    said = nodejs.verify_many(folders, "line.json")

    assert not (folders[0] / "population.tsv").exists()
    assert all(one.verified for one in said), said
    assert {n for n, one in enumerate(said) if ": selected" in one.text} == {
        int(archive_no[2:]) for archive_no in drawn
    }
    for folder, one in zip(folders, said, strict=True):
        assert verify_draw.main(["--own", str(folder / "line.json"), str(folder)]) == 0
        assert capsys.readouterr().out == one.text + "\n"

    page = client.get(f"/public/draws/{draw_no}?unit={min(drawn)}").text
    assert "<strong>抽中</strong>" in page
    others = {client.get(f"/public/draws/{draw_no}?unit={no}").status_code for no in ("CN999", "x")}
    assert others == {200}
    page = client.get(f"/public/draws/{draw_no}?unit=CN999").text
    assert "公布的结果中没有“CN999”。名单不公开" in page
    assert 'type="file"' in page


def test_a_unit_looks_up_its_lot_on_the_page(office: Office, client: FlaskClient) -> None:
    draw_no = office.drawn()
    address = f"/public/draws/{draw_no}"
    assert 'id="own"' not in client.get(f"{address}?unit=CN001").text
    office.go(days=31)
    files = office.files(draw_no)
    rows = [line.split("\t") for line in files["result.tsv"].decode().splitlines()]
    listed = [line.split("\t") for line in files["population.tsv"].decode().splitlines()]
    words = {"selected": "抽中", "reserve": "备选"}
    for archive_no, stratum, weight in listed:
        text = client.get(f"{address}?unit={archive_no}").text
        own = [row for row in rows if row[0] == stratum and row[4] == archive_no]
        verdicts = re.findall(r"<dd><strong>(.+?)</strong>", text)
        assert verdicts == [words[row[3]] for row in own] or (verdicts == ["没有抽中"] and not own)
        assert all(f'<code class="hash">{row[5]}</code>' in text for row in own)
        last = [row for row in rows if row[1] == weight and row[3] == "selected"][-1:]
        assert all(f'<code class="hash">{row[5]}</code>同一层' in text for row in last)
    for typed in ("CN999", "<b>", "CN001\tS", "长" * 40, "\0"):
        text = client.get(address, query_string={"unit": typed}).text
        assert "名单中没有“" in text
        assert "<b>" not in text
