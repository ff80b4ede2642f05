"""The packaged rows: complete, dated, with their source, and fitting together."""

import re
from datetime import date
from types import SimpleNamespace

import pytest

from app import canonical
from app.catalogue import calendars, rules, seeds
from app.reports.rules import Rounding
from app.units.rules import UnitStatus, uscc_problems

TABLES = [
    "calendar",
    "case_causes",
    "case_clocks",
    "case_countings",
    "case_terms",
    "change_causes",
    "check_items",
    "checklists",
    "closing_reasons",
    "complaint_steps",
    "discretion_benchmarks",
    "discretion_factors",
    "discretion_tiers",
    "discussion_triggers",
    "document_templates",
    "draw_exclusions",
    "finding_handlings",
    "grade_schemes",
    "hearing_rights",
    "illegal_practices",
    "law_texts",
    "manual_counters",
    "minor_offences",
    "object_classes",
    "origins",
    "outcome_codes",
    "permit_items",
    "points_items",
    "points_schemes",
    "publication_channels",
    "publicity_terms",
    "rate_roundings",
    "recusal_reasons",
    "reply_templates",
    "review_points",
    "review_triggers",
    "sanction_tiers",
    "score_sheets",
    "service_modes",
    "settings",
    "simple_limits",
    "specialties",
    "unit_labels",
    "verification_cycles",
    "visit_caps",
    "weights",
]
COMMON = {"code", "name", "effective_from", "effective_to", "source", "confirmed", "note"}
ITEMS = {row["code"]: row for row in seeds.rows("check_items")}
CLASSES = {row["code"]: row for row in seeds.rows("object_classes")}
SPECIALTIES = {row["code"]: row for row in seeds.rows("specialties")}
CHECKLISTS = {row["code"]: row for row in seeds.rows("checklists")}
ON = date(2026, 10, 8)


def dated(name):
    return [
        SimpleNamespace(
            code=row["code"],
            effective_from=date.fromisoformat(row["effective_from"]),
            effective_to=row["effective_to"] and date.fromisoformat(row["effective_to"]),
            row=row,
        )
        for row in seeds.rows(name)
    ]


def items_of(checklist):
    return [code for section in checklist["sections"] for code in section["items"]]


def test_every_table_is_packaged():
    assert seeds.names() == TABLES


@pytest.mark.parametrize("name", TABLES)
def test_rows_of_a_table_have_one_shape_and_a_source(name):
    rows = seeds.rows(name)
    assert rows
    assert len({tuple(row) for row in rows}) == 1
    for row in rows:
        assert set(row) >= COMMON, row["code"]
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row["code"])
        assert re.search("[\u4e00-\u9fff]", row["name"]), row["code"]
        assert row["source"], row["code"]


@pytest.mark.parametrize("name", TABLES)
def test_no_code_has_two_rows_on_one_day(name):
    assert rules.overlapping(dated(name)) == []


@pytest.mark.parametrize("name", TABLES)
def test_what_is_not_confirmed_says_why(name):
    for row in seeds.rows(name):
        assert isinstance(row["confirmed"], bool)
        assert row["confirmed"] or row["note"], row["code"]


@pytest.mark.parametrize("name", TABLES)
def test_no_row_carries_an_address(name):
    assert not re.search(r"https?:|www\.", str(seeds.rows(name)))


@pytest.mark.parametrize("name", TABLES)
def test_every_row_can_be_told_to_a_tablet(name):
    for row in seeds.rows(name):
        canonical.dumps(row)


def test_a_stratum_is_specialty_and_class_and_names_one_class_a_day():
    for row in seeds.rows("object_classes"):
        assert row["stratum"] == f"{SPECIALTIES[row['specialty']]['name']}/{row['name']}"
    now = [row.row["stratum"] for row in rules.in_force(dated("object_classes"), ON)]
    assert len(now) == len(set(now)) == len(CLASSES)


def test_every_specialty_has_a_class_and_its_own_archive_prefix():
    assert {row["specialty"] for row in CLASSES.values()} == set(SPECIALTIES)
    prefixes = {row["archive_prefix"] for row in SPECIALTIES.values()}
    assert len(prefixes) == len(SPECIALTIES) == 11


def test_seven_kinds_of_public_places_changed_from_permit_to_filing_on_2025_01_20():
    def kinds(on):
        return {
            row.row["name"]: row.row["licence_kind"]
            for row in rules.in_force(dated("object_classes"), on)
            if row.row["specialty"] == "public-places"
        }

    before, after = kinds(date(2025, 1, 19)), kinds(date(2025, 1, 20))
    changed = {name for name in after if before[name] != after[name]}
    assert changed == {
        "录像厅（室）",
        "音乐厅",
        "展览馆",
        "博物馆",
        "美术馆",
        "图书馆",
        "书店",
    }
    assert {before[name] for name in changed} == {"permit"}
    assert {after[name] for name in changed} == {"filing"}


def test_a_licence_has_a_name_exactly_where_one_is_needed():
    for row in seeds.rows("object_classes"):
        assert row["licence_kind"] in {"permit", "filing", "none"}
        assert (row["licence_name"] is None) == (row["licence_kind"] == "none"), row["code"]


def test_default_ratios_are_fractions_that_an_agency_still_confirms():
    for row in seeds.rows("object_classes"):
        ratio = row["default_ratio"]
        assert 0 < ratio["num"] <= ratio["den"]
        assert ratio["source"]
        assert not ratio["confirmed"]
        assert ratio["note"]


@pytest.mark.parametrize("item", ITEMS.values(), ids=lambda row: row["code"])
def test_a_check_item_states_its_duty_its_basis_and_what_a_no_leads_to(item):
    assert item["specialty"] in SPECIALTIES
    assert len(item["text"]) >= 10
    assert item["text"].endswith("。")
    assert set(item["basis"]) == {"law", "article", "text", "standard", "law_texts"}
    assert item["basis"]["law"]
    assert re.fullmatch("第.+|全文", item["basis"]["article"])
    assert len(item["basis"]["text"]) >= 10
    assert item["answers"] in (["yes", "no"], ["yes", "no", "not-applicable"])
    assert isinstance(item["required"], bool)
    assert isinstance(item["key"], bool)
    if item["penalty"] is not None:
        assert re.fullmatch("第.+", item["penalty"]["article"])


def test_what_a_check_item_cites_is_among_the_law_texts_on_every_day_that_it_holds():
    texts = dated("law_texts")
    cited = set()
    for item in dated("check_items"):
        for citing in (item.row["basis"], item.row["penalty"]):
            if citing is None:
                continue
            found = {
                text.code: text.row["article"]
                for text in rules.in_force(texts, item.effective_from)
                if text.row["law"] == citing["law"]
            }
            assert citing["law_texts"], item.code
            assert set(citing["law_texts"]) <= set(found), item.code
            articles = citing["article"].split("、")
            for code, article in zip(citing["law_texts"], articles, strict=True):
                assert found[code].endswith(article), item.code
            cited.update(citing["law_texts"])
    assert cited == {text.code for text in texts}


def test_a_law_text_names_its_article_and_is_unconfirmed_while_it_has_no_text():
    for row in seeds.rows("law_texts"):
        assert row["name"].startswith(f"《{row['law']}》")
        assert row["confirmed"] == (row["text"] is not None), row["code"]


@pytest.mark.parametrize("item", ITEMS.values(), ids=lambda row: row["code"])
def test_a_no_is_ordered_to_be_corrected_or_is_a_lead(item):
    on_no = item["on_no"]
    assert set(on_no) == {"photo_required", "order_to_correct_days", "lead"}
    days = on_no["order_to_correct_days"]
    assert days is None or 1 <= days <= 30
    assert days is not None or on_no["lead"]


def test_an_item_cited_without_an_article_is_not_confirmed():
    for item in ITEMS.values():
        assert item["basis"]["article"] != "全文" or not item["confirmed"], item["code"]


@pytest.mark.parametrize("checklist", CHECKLISTS.values(), ids=lambda row: row["code"])
def test_a_checklist_has_ten_to_eighteen_items_of_its_specialty_and_a_key_item(checklist):
    codes = items_of(checklist)
    assert 10 <= len(codes) <= 18
    assert len(set(codes)) == len(codes)
    assert {ITEMS[code]["specialty"] for code in codes} <= {
        checklist["specialty"],
        "infectious-disease",
    }
    assert any(ITEMS[code]["key"] for code in codes)
    assert all(ITEMS[code]["effective_from"] <= checklist["effective_from"] for code in codes)
    assert checklist["form_version"] >= 1
    assert all(section["title"] and section["items"] for section in checklist["sections"])
    classes = [CLASSES[code] for code in checklist["object_classes"]]
    assert {row["specialty"] for row in classes} == {checklist["specialty"]}


def test_every_check_item_is_asked_somewhere():
    assert {code for row in CHECKLISTS.values() for code in items_of(row)} == set(ITEMS)


def test_the_seven_checklists_asked_for_are_there():
    names = " ".join(row["name"] for row in CHECKLISTS.values())
    for word in (
        "住宿场所",
        "游泳场所",
        "美容美发场所",
        "传染病防治",
        "医疗废物",
        "二次供水",
        "学校卫生",
    ):
        assert word in names


def test_a_filing_place_is_not_asked_for_a_permit_and_an_exempt_one_for_neither():
    filing, exempt = items_of(CHECKLISTS["public-filing"]), items_of(CHECKLISTS["public-exempt"])
    assert "pp-filing" in filing
    assert "pp-licence" not in filing
    assert not {"pp-filing", "pp-licence"} & set(exempt)
    kinds = {
        CLASSES[code]["licence_kind"] for code in CHECKLISTS["public-general"]["object_classes"]
    }
    assert kinds == {"permit"}


def test_every_public_place_and_medical_institution_has_a_checklist():
    covered = {code for row in CHECKLISTS.values() for code in row["object_classes"]}
    for row in CLASSES.values():
        if row["specialty"] in {"public-places", "medical"}:
            assert row["code"] in covered


def test_a_compliance_talk_is_no_inspection_and_counts_to_no_cap():
    origins = {row["code"]: row for row in seeds.rows("origins")}
    assert [code for code, row in origins.items() if not row["is_inspection"]] == [
        "compliance-talk"
    ]
    assert not origins["compliance-talk"]["counts_to_cap"]
    assert origins["compliance-talk"]["visit_code"] is None
    for code in ("complaint", "superior-order", "transfer", "campaign"):
        assert not origins[code]["counts_to_cap"], "exempt by the district's rule"
    assert origins["drawn"]["counts_to_cap"]
    assert origins["joint-drawn"]["counts_to_cap"]


def test_every_outcome_maps_into_the_other_vocabulary():
    outcomes = {row["code"]: row for row in seeds.rows("outcome_codes")}
    for row in outcomes.values():
        assert outcomes[row["maps_to"]]["vocabulary"] != row["vocabulary"]
    market = [row for row in outcomes.values() if row["vocabulary"] == "market"]
    assert len(market) == 8
    assert sum(row["confirmed"] for row in market) == 4


def test_a_closing_reason_names_a_state_of_the_register_or_none():
    reasons = {row["code"]: row for row in seeds.rows("closing_reasons")}
    for row in reasons.values():
        assert row["unit_status"] is None or UnitStatus(row["unit_status"])
        assert not row["confirmed"]
    assert "replaced" in reasons
    assert reasons["ceased"]["photo_required"]


def test_the_roundings_are_those_that_reports_can_compute():
    rows = seeds.rows("rate_roundings")
    assert {row["code"] for row in rows} == {str(rounding) for rounding in Rounding}
    assert [row["code"] for row in rows if row["default"]] == ["half-up-2dp"]


def test_weights_are_whole_numbers_for_every_class_of_risk_and_credit():
    weights = {(row["factor"], row["class"]): row["weight"] for row in seeds.rows("weights")}
    assert set(weights) == {(f, c) for f in ("risk", "credit", "credit-grade") for c in "ABCD"}
    assert all(type(weight) is int and weight > 0 for weight in weights.values())
    for factor in ("risk", "credit"):
        ordered = [weights[factor, c] for c in "ABCD"]
        assert ordered == sorted(ordered)


def test_the_packaged_calendar_of_2026_is_the_seeded_one():
    (row,) = seeds.rows("calendar")
    assert [(d["day"], d["worked"], d["name"], d["kind"], d["note"]) for d in row["days"]] == [
        (d.day.isoformat(), d.is_working_day, d.name, d.kind, d.note)
        for d in calendars.seed_year(2026)
    ]


def test_settings_hold_what_the_sources_say():
    settings = {row["code"]: row for row in seeds.rows("settings")}
    assert settings["replacement-cap"]["value"] == [15, 100]
    assert settings["joint-visit-cap"]["value"] == 2
    assert settings["team-size"]["value"] == 2
    assert settings["geofence-m"]["value"] == 300
    assert not settings["geofence-m"]["confirmed"]
    known = settings["uscc-authority-classes"]["value"]
    assert len(known) == len(set(known)) == 36
    problems = uscc_problems("91310105MA1FL0X4XN", division_code="310105", authority_classes=known)
    assert problems == []
