"""The few people a front desk sees while typing, the likeliest first."""

from __future__ import annotations

import random

import pytest

from chairside.words import name_words, squeeze
from tests.house import Client
from tests.patients.acts import act, imported, register, unheard_of

SHOWN = {
    "id", "first_name", "last_name", "preferred_name", "date_of_birth", "status", "mobile_phone", "email",
    "chart_number",
}  # fmt: skip


def names(desk: Client, typed: str, **query: int) -> list[str]:
    items = desk.read("/patients/search", q=typed, **query)["items"]
    return [f"{p['first_name']} {p['last_name']}" for p in items]


def test_the_likeliest_come_first(other_desk: Client) -> None:
    """Exact chart number, exact last name, last-name prefix, then the rest by last and first name."""
    people = [
        ("Lee", "Adams", None),
        ("Leeann", "Zimmer", None),
        ("Zoe", "Leeds", None),
        ("Ben", "Leeds", None),
        ("Bo", "Lee", None),
        ("Al", "Lée", None),
        ("Zed", "Zulu", "LEE"),
        ("Amy", "Young", "LEE-2"),
        ("Mia", "Park-Lee", None),
    ]
    imported(other_desk, [{"first_name": f, "last_name": n, "chart_number": c} for f, n, c in people])
    assert names(other_desk, "lee") == [
        "Zed Zulu", "Al Lée", "Bo Lee", "Ben Leeds", "Zoe Leeds", "Lee Adams", "Mia Park-Lee", "Amy Young",
        "Leeann Zimmer",
    ]  # fmt: skip
    assert names(other_desk, "LÉE", limit=3) == ["Zed Zulu", "Al Lée", "Bo Lee"]
    assert other_desk.read("/patients/search", q="lee", limit=3)["total"] == 9
    assert names(other_desk, "lee z") == ["Zoe Leeds", "Leeann Zimmer", "Zed Zulu"]
    assert names(other_desk, "bo lee") == ["Bo Lee"]
    assert names(other_desk, "le lee") == [
        "Al Lée", "Bo Lee", "Ben Leeds", "Zoe Leeds", "Lee Adams", "Mia Park-Lee", "Amy Young", "Leeann Zimmer",
        "Zed Zulu",
    ]  # fmt: skip
    assert names(other_desk, "z le lee") == ["Zoe Leeds", "Leeann Zimmer", "Zed Zulu"]


def test_a_word_that_another_begins_with_still_tells_who_comes_first(desk: Client) -> None:
    """Lin Li is asked for by both names; who has but the longer one comes after, though found as well."""
    word = unheard_of()
    people = [("Ann", f"{word}n"), (f"{word}n", word), (f"{word}n", "Zo"), (word, "Abel"), ("Abel", f"{word}nd")]
    imported(desk, [{"first_name": f, "last_name": n} for f, n in people])
    found = [f"Ann {word}n", f"{word}n {word}", f"Abel {word}nd", f"{word}n Zo"]
    expected = [found[1], found[0], found[2], found[3]]
    assert names(desk, f"{word} {word}n") == expected
    assert names(desk, f"{word}n {word}") == expected


def test_only_names_chart_number_and_telephones_count(desk: Client) -> None:
    """First, last and preferred name, chart number, and telephones by their digits; not the rest."""
    word = unheard_of()
    made = register(
        desk,
        first_name=f"f{word}",
        last_name=f"l{word}",
        preferred_name=f"p{word}",
        chart_number=f"c{word}",
        middle_name=f"m{word}",
        email=f"e{word}@example.com",
        mobile_phone="312-555-0111",
        date_of_birth="1901-07-23",
        city=f"t{word}",
    )
    for start in "flpc":
        [item] = desk.read("/patients/search", q=f"{start}{word}"[:-1])["items"]
        assert item == {k: made[k] for k in SHOWN} | {"by_nickname": False}
    for start in "met":
        assert desk.read("/patients/search", q=f"{start}{word}") == {"items": [], "total": 0}
    for typed in ("1901-07-23", "7/23/1901"):
        assert made["id"] not in [p["id"] for p in desk.read("/patients/search", q=typed)["items"]]
    assert names(desk, f"l{word} f{word[:4]}") == [f"f{word} l{word}"]


def test_the_archived_never_appear(desk: Client) -> None:
    """Of every other status they do."""
    name = unheard_of()
    people = [register(desk, last_name=name, status=s) for s in ("active", "inactive", "prospective", "deceased")]
    act(desk, register(desk, last_name=name, chart_number=name), "archive")
    found = desk.read("/patients/search", q=name)
    assert {p["id"] for p in found["items"]} == {p["id"] for p in people}
    assert found["total"] == 4


@pytest.mark.parametrize("typed", ["", "  ", "...", "'", "%", "_"])
def test_nothing_typed_finds_nobody(desk: Client, typed: str) -> None:
    """An empty box, blanks, signs alone."""
    register(desk)
    assert desk.read("/patients/search", q=typed) == {"items": [], "total": 0}


def test_no_question_finds_nobody(desk: Client) -> None:
    """`q` may be left out."""
    assert desk.read("/patients/search") == {"items": [], "total": 0}


@pytest.mark.parametrize("limit", ["0", "-1", "101", "many", "1.5", ""])
def test_a_limit_beyond_its_bounds_is_refused(desk: Client, limit: str) -> None:
    """1 to 100."""
    answer = desk.get("/patients/search", params={"q": "a", "limit": limit})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "limit"]


def test_the_total_is_exact_up_to_a_thousand_and_stays_there(desk: Client) -> None:
    """999, then 1,000, then still 1,000 with 1,100 of one name; two words are counted the same way."""
    name = unheard_of()
    rows = [{"first_name": f"Kim{i:04d}", "last_name": name} for i in range(1100)]
    for begin, end, total in ((0, 999, 999), (999, 1000, 1000), (1000, 1100, 1000)):
        imported(desk, rows[begin:end])
        for typed in (name, name[:-1], f"{name} kim", f"kim {name}"):
            assert desk.read("/patients/search", q=typed, limit=1)["total"] == total
    assert names(desk, name, limit=100) == [f"Kim{i:04d} {name}" for i in range(100)]
    assert names(desk, f"kim01 {name}", limit=100) == [f"Kim{i:04d} {name}" for i in range(100, 200)]


def test_the_default_is_twenty(desk: Client) -> None:
    """What fits under a search box."""
    name = unheard_of()
    imported(desk, [{"first_name": f"Kim{i}", "last_name": name} for i in range(25)])
    found = desk.read("/patients/search", q=name)
    assert (len(found["items"]), found["total"]) == (20, 25)


PIECES = ("al", "ala", "bo", "bob", "ça", "cab", "d'al", "bo-al", "li", "lin")


def test_whoever_has_all_typed_words_is_found_whatever_their_names(own_desk: Client) -> None:
    """Each typed word begins one of a name's or of the chart number's, also after a change of all of them."""
    dice = random.Random(11)

    def person(number: int) -> dict[str, str]:
        first, last = (" ".join(dice.choices(PIECES, k=dice.randint(1, 2))) for _ in range(2))
        chart = f"{dice.choice(['al', 'bo', 'x'])} {number}"
        return {"first_name": first, "last_name": last, "preferred_name": dice.choice(PIECES), "chart_number": chart}

    made = imported(own_desk, [person(n) for n in range(80)])
    people = {patient_id: person(n) for n, patient_id in enumerate(made)}
    for patient_id, fields in people.items():
        own_desk.patch(f"/patients/{patient_id}", json={"base_version": 1, **fields}).raise_for_status()
    words = {
        patient_id: name_words(*f.values()) | {squeeze(f[n]) for n in ("first_name", "last_name", "chart_number")}
        for patient_id, f in people.items()
    }
    for _ in range(150):
        typed = [squeeze(piece)[: dice.randint(1, 4)] for piece in dice.choices(PIECES, k=dice.randint(1, 4))]
        expected = {one for one, has in words.items() if all(any(w.startswith(t) for w in has) for t in typed)}
        found = own_desk.read("/patients/search", q=" ".join(typed), limit=100)
        assert {p["id"] for p in found["items"]} == expected, typed
        assert found["total"] == len(expected)


def marked(desk: Client, typed: str, **query: int) -> list[tuple[str, bool]]:
    items = desk.read("/patients/search", q=typed, **query)["items"]
    return [(p["first_name"], p["by_nickname"]) for p in items]


def test_nicknames_come_last_and_are_marked(desk: Client) -> None:
    """Whole first or preferred names alone, whichever of the two was typed, with the other words typed."""
    name = unheard_of()
    first = ("Bob", "Robert", "Robert James", "Roberta", "William", "Bobby")
    people = [{"first_name": f, "last_name": name} for f in first]
    people += [{"first_name": "Al", "preferred_name": "Robert", "last_name": name}]
    people += [{"first_name": "Ann", "last_name": f"{name} Robert"}, {"first_name": "Robert", "last_name": "Elsewhere"}]
    people += [{"first_name": "Robert", "last_name": f"{name} " + " ".join(f"q{n:02d}" for n in range(14))}]
    imported(desk, people)
    found = marked(desk, f"bob {name}")
    assert found[:2] == [("Bob", False), ("Bobby", False)]
    assert sorted(found[2:]) == [("Al", True), ("Robert", True), ("Robert", True), ("Robert James", True)]
    assert marked(desk, f"{name} robert james") == [("Robert James", False)]
    assert ("Bob", True) in marked(desk, f"{name}, robert")
    assert ("Roberta", True) not in marked(desk, f"{name}, bob")
    assert desk.read("/patients/search", q=f"bob {name}")["total"] == len(found)
    assert marked(desk, f"bob {name}", limit=2) == found[:2]
    assert marked(desk, f"bob {name}", limit=3)[:2] == found[:2]
    assert len(marked(desk, f"bob {name}", limit=3)) == 3
    assert marked(desk, f"bo {name}") == found[:2]
