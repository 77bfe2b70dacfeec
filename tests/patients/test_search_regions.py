"""Telephones, dates, names of many scripts and long names are found as people of the org's region type them."""

from __future__ import annotations

from datetime import date

import pytest

from chairside.questions import dates, question
from tests.house import Client, House, Org
from tests.patients.acts import act, imported

PEOPLE = {
    "london": {"first_name": "Olive", "last_name": "Adeyemi", "mobile_phone": "+44 20 7946 0958"},
    "trunk": {"first_name": "Peter", "last_name": "Brontë", "home_phone": "020 7946 5735 (wife) x2"},
    "two": {"first_name": "Quentin", "last_name": "Clarke", "work_phone": "07700 900123 / 07700 900124"},
    "second": {"first_name": "Rhys", "last_name": "Dunn", "mobile_phone": "07700 900201 or +1 312 555 7734 ext. 11"},
    "march": {"first_name": "Sian", "last_name": "Evans", "date_of_birth": "1985-03-04"},
    "april": {"first_name": "Tom", "last_name": "Ford", "date_of_birth": "1985-04-03"},
    "compact": {"first_name": "Una", "last_name": "Gray", "date_of_birth": "1991-03-07"},
    "digits": {"first_name": "Vera", "last_name": "Hill", "home_phone": "1991 0307"},
    "hindi": {"first_name": "राम", "last_name": "मीना"},
    "hindi other": {"first_name": "रोमी", "last_name": "मुनि"},
    "kana": {"first_name": "はな", "last_name": "かき"},
    "kana other": {"first_name": "ばな", "last_name": "がぎ"},
    "okina": {"first_name": "Israel", "last_name": "Kamakawiwoʻole"},
    "hangul": {"first_name": "민수", "last_name": "김"},
    "arabic": {"first_name": "أَحْمَد", "last_name": "علی"},
    "thai": {"first_name": "สมชาย", "last_name": "ใจดี"},
    "long": {"first_name": "Ana Luísa Beatriz", "last_name": "Albuquerque Pessoa de Melo e Silva",
             "preferred_name": "Lulu Bia", "chart_number": "L 900/17"},
    "longer": {"first_name": "Pablo Diego José Francisco de Paula", "preferred_name": "Nepomuceno",
               "last_name": "María de los Remedios Cipriano Santísima Trinidad Ruiz Picasso",
               "chart_number": "L-900-18"},
    "hyphen": {"first_name": "Mary‑Jane", "last_name": "Smith–Jones"},
}  # fmt: skip
LISTS: list[tuple[str, set[str]]] = [
    *((typed, {"london"}) for typed in (
        "020 7946 0958", "02079460958", "(020) 7946-0958", "020-7946-0958", "+44 20 7946 0958", "+44 (0)20 7946 0958",
        "0044 20 7946 0958", "011 44 20 7946 0958", "442079460958", "20 7946 0958", "7946 0958", "0958", "946 0958",
        "020 7946 0958 adeyemi", "olive, 020 7946 0958", "020 7946 0958 x3",
    )),
    *((typed, {"trunk"}) for typed in ("0044 20 7946 5735", "020 7946 5735", "5735", "9465735", "020 7946 5")),
    ("020 7946", {"london", "trunk"}),
    ("07700 900123", {"two"}),
    ("07700900124", {"two"}),
    ("0124", {"two"}),
    *((typed, {"second"}) for typed in (
        "07700 900201", "312 555 7734", "555-7734", "+1 312 555 7734", "7734", "3125557",
    )),
    ("0711", set()),
    # dates
    *((typed, {"march"}) for typed in (
        "04/03/1985", "4/3/1985", "04-03-1985", "4.3.85", "04.03.1985", "1985-03-04", "1985/3/4", "19850304",
        "04031985", "4/3/85", "evans 4/3/85", "4/3/85, evans",
    )),
    ("03/04/1985", {"april"}),
    ("07/03/91", {"compact"}),
    ("19910307", {"compact", "digits"}),
    ("1991 0307", {"digits"}),
    ("4/3/2185", set()),
    # words end at commas, slashes and semicolons
    *((typed, {"march"}) for typed in (
        "Evans,Sian", "Evans,S", "Evans, Sian", "sian;evans", "evans/sian", "evans，sian",
    )),
    # scripts
    ("राम मीना", {"hindi"}),
    ("राम", {"hindi"}),
    ("र", {"hindi", "hindi other"}),
    ("रोमी मुनि", {"hindi other"}),
    ("はな", {"kana"}),
    ("は", {"kana"}),
    ("ばな", {"kana other"}),
    ("ﾊ", set()),
    *((f"Kamakawiwo{mark}ole", {"okina"}) for mark in ("ʻ", "ʼ", "‘", "’", "'", "`", "´", "")),
    ("kamakawiwo ole", {"okina"}),
    ("김", {"hangul"}),
    ("기", {"hangul"}),
    ("احمد علي", {"arabic"}),
    ("أحمد", {"arabic"}),
    ("สมชาย", {"thai"}),
    ("สมชา", {"thai"}),
    ("ส", {"thai"}),
    ("smith-jones", {"hyphen"}),
    ("smith—jones mary-jane", {"hyphen"}),
    ("Sm\u200bith\u00adJones", {"hyphen"}),
]  # fmt: skip
NAMES: list[tuple[str, set[str]]] = [
    *((typed, {"long"}) for typed in (
        "silva", "ana silva", "melo e silva", "pessoa lulu", "bia albuquerque", "L 900/17", "900 17", "l900/17",
        "Ana Luísa Beatriz Albuquerque Pessoa de Melo e Silva", "silva melo pessoa ana lulu",
    )),
    *((typed, {"longer"}) for typed in (
        "picasso", "ruiz pablo", "trinidad cipriano nepomuceno", "picasso L-900-18", "santisima remedios jose",
        "Pablo Diego José Francisco de Paula Nepomuceno María de los Remedios Cipriano Santísima Trinidad Ruiz Picasso",
    )),
    ("de", {"long", "longer"}),
    ("silva picasso", set()),
    ("ruiz ana", set()),
]  # fmt: skip
TELEPHONES: list[tuple[str, set[str]]] = [
    *((typed, {"london"}) for typed in ("020 7946 0958", "+44 20 7946 0958", "0044 20 7946 0958", "0958", "9460958")),
    ("020 7946", {"london", "trunk"}),
    ("555-7734", {"second"}),
    ("07700 9001", {"two"}),
    ("077", set()),
    ("5735", {"trunk"}),
    ("900", {"long"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def british(house: House) -> Client:
    """An administrator of an org in Great Britain."""
    return Org(house, house.run("org", "create", "Harley Dental", "--region", "gb")).desk()


@pytest.fixture(scope="module")
def people(british: Client) -> dict[str, str]:
    ids = imported(british, [{"row_key": k, **v} for k, v in PEOPLE.items()])
    return dict(zip(ids, PEOPLE, strict=True))


@pytest.mark.parametrize(("typed", "found"), [*LISTS, *NAMES], ids=[c[0] for c in [*LISTS, *NAMES]])
def test_a_list_finds_by_what_was_typed(british: Client, people: dict[str, str], typed: str, found: set[str]) -> None:
    """The list and its total."""
    page = british.read("/patients", search=typed)
    assert {people[p["id"]] for p in page["items"]} == found
    assert page["total"] == len(found)


@pytest.mark.parametrize(("typed", "found"), [*NAMES, *TELEPHONES], ids=[c[0] for c in [*NAMES, *TELEPHONES]])
def test_typeahead_finds_all_words_and_telephones(
    british: Client, people: dict[str, str], typed: str, found: set[str]
) -> None:
    """Names however many their words are; telephones when nothing but digits was typed."""
    answer = british.read("/patients/search", q=typed)
    assert {people[p["id"]] for p in answer["items"]} == found
    assert answer["total"] == len(found)


def test_the_archived_are_found_by_their_telephones_and_dates(british: Client) -> None:
    """In the list of the archived, by the same forms."""
    made = british.made(
        "/patients",
        {"first_name": "Zed", "last_name": "Archer", "mobile_phone": "020 7946 0333", "date_of_birth": "1950-12-31"},
    )
    act(british, made, "archive")
    for typed in ("020 7946 0333", "0044 20 7946 0333", "9460333", "31/12/50", "archer,zed"):
        found = british.read("/patients", search=typed, status="archived")["items"]
        assert [p["id"] for p in found] == [made["id"]], typed
        assert british.read("/patients", search=typed)["total"] == 0


TODAY = date(2026, 3, 10)
DATES: list[tuple[str, str, list[date]]] = [
    ("US", "04/03/1985", [date(1985, 4, 3)]),
    ("GB", "04/03/1985", [date(1985, 3, 4)]),
    ("CA", "04/03/1985", [date(1985, 4, 3), date(1985, 3, 4)]),
    ("DE", "4.3.1985", [date(1985, 3, 4)]),
    ("JP", "85/03/04", [date(1985, 3, 4)]),
    ("US", "25/12/1985", [date(1985, 12, 25)]),
    ("GB", "12/25/1985", [date(1985, 12, 25)]),
    ("US", "3/9/26", [date(2026, 3, 9)]),
    ("US", "3/11/26", [date(1926, 3, 11)]),
    ("US", "2/29/24", [date(2024, 2, 29)]),
    ("US", "2/29/28", [date(1928, 2, 29)]),
    ("US", "1/1/00", [date(2000, 1, 1)]),
    ("US", "1985.3.4", [date(1985, 3, 4)]),
    ("US", "19850304", [date(1985, 3, 4)]),
    ("US", "03041985", [date(1985, 3, 4)]),
    ("GB", "03041985", [date(1985, 4, 3)]),
    *(("US", no, []) for no in ("2/30/1985", "1/1/1899", "1/1/2027", "1985", "1985-03", "123-45-67", "1/2", "3/4/185")),
]  # fmt: skip


@pytest.mark.parametrize(("region", "typed", "days"), DATES, ids=[f"{r} {t}" for r, t, _ in DATES])
def test_a_date_is_read_in_the_order_of_the_region(region: str, typed: str, days: list[date]) -> None:
    """A date that does not exist there is read in the other order; two digits are the last such year that is past."""
    assert list(dates(typed, region, TODAY)) == days
    assert [word.born for word in question(typed, region, TODAY)] == [tuple(days)] or not days
