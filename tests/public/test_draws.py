"""The public page of a draw: what is public by now, nothing more, and all one needs to check it."""

import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from app.access import Role
from app.db import db, new_id, transaction
from app.draws import queries, seeding, service
from app.draws.models import DrawSelection
from app.draws.stages import Level
from app.public.draws import ABORT_RULE, LIMITS
from app.units.models import Unit
from tests.draws.office import DICE, SECRET, Office
from tests.public.test_pages import LIMIT_BYTES, Outline

SCRIPT = '<script src="/public/static/check.js" defer></script>'  # none inside a page


def page(client: FlaskClient, draw_no: str) -> str:
    answer = client.get(f"/public/draws/{draw_no}")
    assert answer.status_code == 200
    assert len(answer.data) < LIMIT_BYTES
    outline = Outline(answer.text)
    assert outline.handlers == []
    scripts = re.findall(r"<script.*?</script>", answer.text, re.DOTALL)
    assert scripts == ([SCRIPT] if "在本页核对" in answer.text else [])
    assert len(scripts) == outline.tags.count("script")
    return answer.text


def units(office: Office) -> list[str]:
    with office.flask_app.app_context():
        return list(db.session.scalars(sa.select(Unit.name)))


def test_before_the_day_no_unit_is_named_and_the_manifest_can_be_kept(
    office: Office, client: FlaskClient
) -> None:
    draw_no = office.drawn()
    text = page(client, draw_no)
    with office.draw(draw_no) as draw:
        assert draw.manifest_sha256
        assert draw.manifest_sha256 in text
        assert draw.result_sha256
        assert draw.result_sha256 not in text
        commitments = [one.commitment for one in queries.deposits_of(draw.id)]
    assert all(commitment in text for commitment in commitments)
    assert [name for name in units(office) if name in text] == []
    assert SECRET.hex() not in text
    assert "防不住什么" in text
    for name in ("result.tsv", "reveal.json", "officers.tsv", "barred.tsv", "exclusions.tsv"):
        assert client.get(f"/public/draws/{draw_no}/files/{name}").status_code == 404


def test_from_the_day_on_a_stranger_checks_with_what_the_page_gives(
    office: Office, client: FlaskClient, tmp_path: Path
) -> None:
    draw_no = office.drawn()
    office.go(days=31)
    text = page(client, draw_no)
    for name, content in office.files(draw_no).items():
        answer = client.get(f"/public/draws/{draw_no}/files/{name}")
        hidden = name in {"barred.tsv", "exclusions.tsv"}
        assert answer.status_code == (404 if hidden else 200)
        assert hidden or answer.data == content
    archive = client.get(f"/public/draws/{draw_no}/files/bundle.zip").data
    zipfile.ZipFile(io.BytesIO(archive)).extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-I", "verify_draw.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    with office.draw(draw_no) as draw:
        assert draw.result_sha256
        assert draw.result_sha256 in text
        assert draw.result_sha256 in done.stdout
        chosen = queries.chosen_of(draw.id)
    assert all(one.unit_name in text for one in chosen if one.row.kind == "selected")


def test_an_unchanged_file_is_not_sent_twice(office: Office, client: FlaskClient) -> None:
    draw_no = office.drawn()
    path = f"/public/draws/{draw_no}/files/manifest.json"
    tag = client.get(path).headers["ETag"]
    again = client.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")


def test_the_page_shows_the_dice_and_who_is_waited_for(office: Office, client: FlaskClient) -> None:
    draw_no = office.announced()
    assert "等待现场掷骰" in page(client, draw_no)
    for role in (Role.AUDITOR, Role.CLERK):
        assert DICE not in page(client, draw_no)
        by = office.person(role)
        with office.flask_app.app_context(), transaction():
            draw = service.get_draw(draw_no, by.agency_id)
            seeding.enter_dice(draw, DICE, by=by, at=office.clock.at)
    assert DICE in page(client, draw_no)


def test_a_void_draw_says_why_and_shows_what_would_have_been(
    office: Office, client: FlaskClient
) -> None:
    draw_no = office.drawn_until_announced()
    office.void(draw_no, reason="名单缺<一街道>")
    office.tick()
    text = page(client, draw_no)
    assert "名单缺&lt;一街道&gt;" in text
    assert "result.tsv" in text
    assert draw_no in client.get("/public/draws").text


def test_what_holds_a_draw_up_is_for_the_agency_alone(office: Office, client: FlaskClient) -> None:
    office.register(officers=1)
    plan = office.make.plan()
    office.tick()
    draw_no = office.number_of(plan)
    with office.draw(draw_no) as draw:
        assert draw.held_code == "draw-plan-not-feasible"
        assert draw.held_detail
        assert draw.held_detail not in page(client, draw_no)


def test_a_large_draw_still_fits_a_phone(office: Office, client: FlaskClient) -> None:
    draw_no = office.drawn()
    with office.flask_app.app_context(), transaction() as session:
        draw = service.get_draw(draw_no, office.make.home().id)
        some = session.scalars(queries.selection_of(draw.id)).first()
        assert some is not None
        session.execute(
            sa.insert(DrawSelection),
            [
                {
                    "id": new_id(),
                    "draw_id": draw.id,
                    "stratum": "公共场所/住宿场所",
                    "weight": 999,
                    "rank": n + 1,
                    "kind": ("selected", "reserve")[n % 2],
                    "archive_no": f"XX{n:05d}",
                    "ticket": "0" * 64,
                    "unit_id": some.unit_id,
                }
                for n in range(2000)
            ],
        )
    office.go(days=31)
    assert "另有" in page(client, draw_no)


@pytest.mark.parametrize("draw_no", ["310105-2026-0009", "x", "%00"])
def test_an_unknown_draw_is_said_on_a_page(client: FlaskClient, draw_no: str) -> None:
    answer = client.get(f"/public/draws/{draw_no}")
    assert answer.status_code == 404
    assert "没有这个编号的抽取" in answer.text


def test_a_forged_cursor_is_refused_on_a_page(client: FlaskClient) -> None:
    assert client.get("/public/draws?cursor=abc").status_code == 400


def test_the_page_of_every_level_says_what_it_protects_against_and_what_not(
    office: Office, client: FlaskClient
) -> None:
    attended = office.announced()
    office.deposits()
    plan = office.make.plan(name="封存")
    office.tick()
    said = {
        attended: ("现场式", "与全部掷骰的人串通"),
        office.number_of(plan): ("封存式", "服务器的管理员", "日志末端核对名单冻结的时间"),
    }
    assert set(LIMITS) == set(Level)
    for draw_no, sentences in said.items():
        text = page(client, draw_no)
        assert [one for one in sentences if one not in text] == []
        assert ABORT_RULE in text, "whatever the level"
