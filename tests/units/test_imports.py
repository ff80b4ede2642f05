"""Registers in and out on both databases: previewed, applied whole, or not at all."""

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from app import cells, geometry, sheets
from app.db import db, transaction
from app.journal.models import JournalEntry
from app.people import register as officer_register
from app.people.models import Account, Officer
from app.units import imports, queries, rules, service
from app.units.models import RegisterImportRow, Unit
from app.units.rules import Register
from tests.factories import OTHER_DISTRICT

OUTLINE = Path(geometry.__file__).parent / "demo" / "data" / "district_310105.geojson"
HEADER = ("档案编号", "单位名称", "地址", "经度", "纬度", "专业/类别", "法定代表人")


def table(*rows, header=HEADER):
    filled = [[*row, *[""] * (len(header) - len(row))] for row in rows]
    return sheets.write_xlsx(header, filled)


ONE = ("GG1", "一号宾馆", "长宁路1号", "121.424678", "31.220456", "公共场所/住宿场所", "王小明")
TWO = ("GG2", "二号宾馆", "长宁路2号", "", "", "公共场所/住宿场所")
OUTSIDE = ("GG3", "三号宾馆", "长宁路3号", "121.6", "31.2", "公共场所/住宿场所")


@pytest.fixture
def desk(make, app_context):
    return Desk(make)


class Desk:
    """Somebody who imports registers of the home agency."""

    def __init__(self, make):
        make.home(OUTLINE.read_text(encoding="utf-8"))
        self.make, self.by = make, make.supervisor()

    @property
    def agency(self):
        return db.session.get_one(type(self.make.home()), self.make.home().id)

    def preview(self, file, kind=Register.UNITS):
        preview = imports.read_preview(kind, file, "名册.xlsx", agency=self.agency, at=self.make.at)
        with transaction():
            found = imports.record_preview(preview, agency=self.agency, by=self.by, at=self.make.at)
        return found.id

    def apply(self, import_id, kind=Register.UNITS):
        with transaction():
            return imports.apply_import(
                import_id, kind, agency=self.agency, by=self.by, at=self.make.at
            )

    def export(self, kind=Register.UNITS, file_format="xlsx"):
        return imports.export_register(kind, file_format, agency=self.agency, at=self.make.at)

    def rows(self, import_id):
        db.session.remove()
        return queries.import_rows(import_id)

    def units(self):
        db.session.remove()
        return {unit.archive_no: unit for unit in db.session.scalars(sa.select(Unit))}


def test_a_preview_writes_nothing_into_the_register(desk):
    import_id = desk.preview(table(ONE, TWO, OUTSIDE))
    assert desk.units() == {}
    assert [(row.row_no, row.verdict) for row in desk.rows(import_id)] == [
        (2, "create"),
        (3, "create"),
        (4, "refuse"),
    ]
    counts = imports.get_import(import_id, Register.UNITS, desk.agency.id).counts
    assert counts == {"create": 2, "change": 0, "unchanged": 0, "refuse": 1, "warned": 0}


def test_what_the_preview_promised_is_what_applying_writes(desk):
    import_id = desk.preview(table(ONE, TWO, OUTSIDE))
    applied = desk.apply(import_id)
    assert applied.state == "applied"
    units = desk.units()
    assert sorted(units) == ["GG1", "GG2"]
    assert (units["GG1"].lon_e7, units["GG1"].legal_representative) == (1_214_246_780, "王小明")
    assert [r.object_class for r in units["GG1"].registrations] == ["lodging"]
    entries = db.session.scalars(sa.select(JournalEntry.event).order_by(JournalEntry.seq)).all()
    assert entries[-3:] == ["unit.registered", "unit.registered", "register.imported"]


def test_the_journal_of_an_import_holds_no_personal_value(desk):
    desk.apply(desk.preview(table(ONE)))
    texts = db.session.scalars(sa.select(JournalEntry.text)).all()
    assert not [text for text in texts if "王小明" in text or "一号宾馆" in text]


def test_applied_cells_are_emptied(desk):
    import_id = desk.preview(table(ONE, OUTSIDE))
    assert all(row.cells for row in desk.rows(import_id))
    desk.apply(import_id)
    stored = db.session.scalars(
        sa.select(RegisterImportRow.cells).where(RegisterImportRow.import_id == import_id)
    )
    assert list(stored) == [None, None]
    assert desk.rows(import_id)[1].reasons


def test_a_file_is_applied_once(desk):
    import_id = desk.preview(table(ONE))
    desk.apply(import_id)
    with pytest.raises(imports.ImportAlreadyApplied):
        desk.apply(import_id)
    assert len(desk.units()) == 1


def test_a_second_import_changes_what_differs_and_nothing_else(desk):
    desk.apply(desk.preview(table(ONE, TWO)))
    moved = (TWO[0], TWO[1], "长宁路22号", *TWO[3:])
    versions = {number: unit.version for number, unit in desk.units().items()}
    import_id = desk.preview(table(ONE, moved))
    rows = desk.rows(import_id)
    assert [(row.verdict, row.changed) for row in rows] == [
        ("unchanged", []),
        ("change", ["address"]),
    ]
    desk.apply(import_id)
    units = desk.units()
    assert units["GG2"].address == "长宁路22号"
    assert {number: unit.version for number, unit in units.items()} == {
        "GG1": versions["GG1"],
        "GG2": versions["GG2"] + 1,
    }


def test_what_moved_after_the_preview_stops_all_of_it(desk):
    first, second = desk.preview(table(ONE, TWO)), desk.preview(table(TWO))
    desk.apply(second)
    with pytest.raises(imports.ImportMoved) as caught:
        desk.apply(first)
    assert caught.value.extras["moved_count"] == 1
    (moved,) = caught.value.extras["moved"]
    assert (moved["row_no"], moved["was"], moved["now"]) == (3, "create", "unchanged")
    assert sorted(desk.units()) == ["GG2"]


def test_a_row_with_a_formula_is_kept_out_and_stays_out(desk):
    csv = "档案编号,单位名称,地址\nGG1,=1+1,长宁路1号\nGG2,二号宾馆,长宁路2号\n".encode()
    import_id = desk.preview(csv)
    bad, good = desk.rows(import_id)
    assert (bad.verdict, good.verdict) == ("refuse", "create")
    assert bad.reasons[0]["code"] == "formula"
    assert "公式" in bad.reasons[0]["detail"]
    assert bad.cells is None
    desk.apply(import_id)
    assert sorted(desk.units()) == ["GG2"]


@pytest.mark.parametrize(
    ("file", "error"),
    [
        (b"PK\x03\x04 broken", cells.SheetUnreadable),
        (b"", cells.SheetUnreadable),
        ("单位名称,地址\n甲,乙\n".encode(), sheets.SheetColumnsMissing),
        ("档案编号,单位名称,地址,经度\nGG1,甲,乙,121\n".encode(), sheets.SheetColumnsMissing),
        (b"\n".join([b"a,b,c"] * 1_000_000), cells.SheetTooLong),
    ],
)
def test_a_file_that_is_no_register_is_refused_whole(desk, file, error):
    with pytest.raises(error) as caught:
        desk.preview(file)
    assert caught.value.detail.endswith("。")
    assert db.session.scalar(sa.select(sa.func.count(RegisterImportRow.row_no))) == 0


def test_another_agencys_import_is_not_found(desk, make):
    import_id = desk.preview(table(ONE))
    other = make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    with pytest.raises(imports.ImportNotFound):
        imports.get_import(import_id, Register.UNITS, other.id)
    with pytest.raises(imports.ImportNotFound):
        imports.get_import(import_id, Register.OFFICERS, desk.agency.id)


def test_an_archive_number_of_another_agency_is_free_here(desk, make):
    other = make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    make.unit(other, archive_no="GG1")
    assert desk.rows(desk.preview(table(ONE)))[0].verdict == "create"


@pytest.mark.parametrize("file_format", ["xlsx", "csv"])
def test_the_register_goes_out_and_comes_in_unchanged(desk, file_format):
    desk.apply(desk.preview(table(ONE, TWO)))
    rows = desk.rows(desk.preview(desk.export(file_format=file_format)))
    assert [row.verdict for row in rows] == ["unchanged", "unchanged"]


def test_a_unit_with_a_formula_for_a_name_stays_text_on_the_way(desk, make):
    make.unit(name="=1+1", archive_no="GG9")
    rows = desk.rows(desk.preview(desk.export()))
    assert [(row.key, row.verdict) for row in rows] == [("GG9", "unchanged")]


# --- officers ---

OFFICER_HEADER = officer_register.COLUMNS
AN = ("沪A001", "安", "2028-12-31", "一科", "公共场所；医疗卫生", "公共场所", "在岗")


def officers(*rows):
    return sheets.write_xlsx(OFFICER_HEADER, rows)


def test_officers_come_in_and_go_out_the_same_way(desk):
    import_id = desk.preview(officers(AN), Register.OFFICERS)
    desk.apply(import_id, Register.OFFICERS)
    officer = queries.officers_by_certificate(["沪A001"])["沪A001"]
    assert officer.specialties == ["medical", "public-places"]
    assert officer.lead_specialties == ["public-places"]
    rows = desk.rows(desk.preview(desk.export(Register.OFFICERS), Register.OFFICERS))
    assert {row.verdict for row in rows} == {"unchanged"}


def changed(**values):
    row = dict(zip(OFFICER_HEADER, AN, strict=True)) | values
    return tuple(row[column] for column in OFFICER_HEADER)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (changed(执法证有效期至="2026-11-20"), "certificate-expired"),
        (changed(执法证有效期至=""), "cell-unreadable"),
        (changed(参与专业="牙科；公共场所"), "specialty-unknown"),
        (changed(主办专业="学校卫生"), "lead-not-taking-part"),
        (changed(姓名=""), "missing"),
        (changed(执法证号="沪A,001"), "certificate-characters"),
        (changed(状态="休假"), "cell-unreadable"),
    ],
)
def test_an_officer_who_cannot_be_sent_is_kept_out(desk, row, code):
    (found,) = desk.rows(desk.preview(officers(row), Register.OFFICERS))
    assert found.verdict == "refuse"
    assert code in {reason["code"] for reason in found.reasons}


def test_a_certificate_that_another_agency_has_is_refused(desk, make):
    other = make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    make.officer(other, certificate_no="沪A001")
    (found,) = desk.rows(desk.preview(officers(AN), Register.OFFICERS))
    assert [reason["code"] for reason in found.reasons] == ["certificate-taken"]


def test_a_certificate_twice_in_a_file_is_refused_twice(desk):
    rows = desk.rows(desk.preview(officers(AN, changed(姓名="博")), Register.OFFICERS))
    assert [row.verdict for row in rows] == ["refuse", "refuse"]


def test_an_officer_who_leaves_by_import_can_no_longer_sign_in(desk, make):
    officer = make.officer(certificate_no="沪A001", name="安")
    account = make.account(officer=officer)
    row = changed(参与专业="公共场所", 状态="离岗")
    desk.apply(desk.preview(officers(row), Register.OFFICERS), Register.OFFICERS)
    db.session.remove()
    assert db.session.get_one(Officer, officer.id).state == "left"
    assert db.session.get_one(Account, account.id).state == "suspended"


def test_an_expired_officer_who_is_there_can_still_be_changed(desk, make, clock):
    make.officer(certificate_no="沪A001", name="安", certificate_valid_until=date(2026, 11, 30))
    clock.forward(days=30)
    row = changed(执法证有效期至="2026-11-30", 参与专业="公共场所", 科室="二科")
    (found,) = desk.rows(desk.preview(officers(row), Register.OFFICERS))
    assert (found.verdict, found.changed) == ("change", ["team"])
    assert [reason["severity"] for reason in found.reasons] == ["warning"]


# --- the unit itself ---


def test_a_unit_is_registered_under_a_number_that_is_never_given_again(desk, make):
    unit = make.unit(archive_no="GG1")
    with pytest.raises(service.ArchiveNoTaken) as caught:
        make.unit(archive_no="GG1")
    assert caught.value.extras["unit_id"] == unit.id


def test_a_change_touches_the_version_also_when_only_a_licence_changed(desk, make):
    unit = make.unit()
    licence = rules.LicenceData(rules.LicenceKind.PERMIT, "沪1")
    with transaction():
        changed = service.change_unit(unit.id, {"licences": (licence,)}, by=desk.by, at=make.at)
        assert changed.version == unit.version
    assert desk.units()[unit.archive_no].version == unit.version + 1


def test_a_change_that_changes_nothing_leaves_no_trace(desk, make):
    unit = make.unit()
    with transaction():
        service.change_unit(unit.id, {"address": f" {unit.address} "}, by=desk.by, at=make.at)
    assert desk.units()[unit.archive_no].version == unit.version
    events = db.session.scalars(
        sa.select(JournalEntry.event).where(JournalEntry.subject_id == unit.id)
    )
    assert list(events) == ["unit.registered"]


def test_a_state_changes_by_a_step_with_its_document_and_not_by_typing_over_it(desk, make):
    unit = make.unit()
    with pytest.raises(service.UnitInvalid) as caught, transaction():
        changes = {"state": rules.UnitStatus.SUSPENDED}
        service.change_unit(unit.id, changes, by=desk.by, at=make.at)
    assert [error["code"] for error in caught.value.extras["errors"]] == ["state-needs-step"]
