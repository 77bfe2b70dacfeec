"""Bodies of junk are refused by a small answer, however deep or large they are, and hold up nobody else."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest

from chairside.errors import Problem
from chairside.fields import bounded
from tests.house import House, Org, new_house
from tests.patients.acts import unheard_of

JSON = {"content-type": "application/json"}
DEPTHS = (10, 31, 33, 900, 950, 970, 990, 1000, 1100, 5000, 200_000)
BODIES = {
    "objects": ('{"a":', "1", "}"),
    "lists": ("[", "1", "]"),
    "repeated fields": ('{"a":0,"a":', "1", "}"),
    "both": ('[{"a":', "1", "}]"),
    "objects not closed": ('{"a":', "", ""),
    "lists not closed": ("[", "", ""),
}


@pytest.mark.parametrize("what", BODIES)
@pytest.mark.parametrize("depth", DEPTHS)
def test_a_deep_body_is_refused_in_words(shared_org: Org, what: str, depth: int) -> None:
    """At no depth does a reader of the body give up by a fault."""
    opened, inside, closed = BODIES[what]
    deep = opened * depth + inside + closed * depth
    desk = shared_org.desk()
    for path, content in (
        ("/patients", deep),
        ("/patients", f'{{"first_name": {deep}, "last_name": "X"}}'),
        ("/patients/bulk", f'{{"rows": [{{"first_name": {deep}}}]}}'),
        ("/patients/bulk", f'{{"rows": [{{"first_name": "Ana", "first_name": "Bea", "x": {deep}}}]}}'),
    ):
        if len(content) > 1 << 20:
            continue
        answer = desk.post(path, content=content, headers=JSON)
        assert answer.status_code in (200, 422), answer.text
        if answer.status_code == 422:
            assert {p["loc"][0] for p in answer.json()["detail"]} == {"body"}
            assert depth < 33 or {p["type"] for p in answer.json()["detail"]} <= {"too_deep", "invalid_json"}


@pytest.mark.parametrize("path", ["/patients", "/events", "/audit-events", "/patients/cursor", "/patients/search"])
def test_a_deep_query_is_refused_in_words(shared_org: Org, path: str) -> None:
    """Brackets in names and values of parameters are text and nothing else."""
    for query in (
        "q" + "[a]" * 2000 + "=1",
        "q=" + "[" * 4000,
        "first=" + "[" * 900 + "]" * 900,
        "after=" + "{" * 3000,
    ):
        answer = shared_org.desk().get(f"{path}?{query}")
        assert answer.status_code in (200, 422), answer.text


def test_a_body_with_too_many_entries_is_refused(shared_org: Org) -> None:
    """Millions of numbers would be read a second time to look for fields that stand twice."""
    content = '{"rows": [{"first_name": "a:b"}], "x": [' + "1," * 250_000 + "1]}"
    answer = shared_org.desk().post("/patients/bulk", content=content, headers=JSON)
    assert answer.status_code == 422
    assert [p["type"] for p in answer.json()["detail"]] == ["too_long"]


def test_a_refusal_lists_a_hundred_problems_and_counts_the_others(shared_org: Org) -> None:
    """All problems are counted, by their codes, and the answer stays small."""
    parameters = "&".join(f"n{i}=1" for i in range(60))
    body = {f"u{i}": i for i in range(80)} | {"first_name": 1, "email": 2}
    answer = shared_org.desk().post(f"/patients?{parameters}", json=body)
    detail = answer.json()["detail"]
    assert answer.status_code == 422
    assert len(detail) == 101
    more = detail[-1]
    assert (more["type"], more["loc"], more["count"]) == ("more_problems", ["body"], 43)
    assert more["codes"] == {"unknown_field": 40, "wrong_type": 2, "missing": 1}


def test_problems_that_were_counted_already_are_counted_on() -> None:
    """A row's own count is added to the others, and not taken for one problem."""
    problems = [Problem(("body", "rows", n, f"f{n}"), "", "missing") for n in range(10)]
    once = bounded(problems, 4)
    assert once[4].extra == {"count": 6, "codes": {"missing": 6}}
    assert (once[4].loc, bounded(problems[:1] * 3, 1)[1].loc) == (("body", "rows"), ("body", "rows", 0, "f0"))
    again = bounded([*once, Problem(("query",), "", "too_long")], 2)
    assert again[2].extra == {"count": 9, "codes": {"missing": 8, "too_long": 1}}
    assert bounded(problems, 10) == problems


def junk(rows: int, fields: int) -> bytes:
    """An import whose every row has unknown fields and values that no field takes."""
    row = {f"unknown_{n}": "x" * 20 for n in range(fields)} | {"email": "@", "mobile_phone": "1", "gender": [1]}
    return msgspec.json.encode({"rows": [row] * rows})


def test_the_answer_to_an_import_of_junk_is_small(shared_org: Org) -> None:
    """The first problems are listed row by row; after them each row counts its own."""
    answer = shared_org.desk().post("/patients/bulk", content=junk(400, 60), headers=JSON)
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert answer.json()["failed"] == len(results) == 400
    assert [len(r["errors"]) for r in results[:3]] == [21, 21, 21]
    assert sum(len(r["errors"]) for r in results) <= 1000 + 400
    last = results[-1]["errors"]
    assert [(p["type"], p["loc"], p["count"]) for p in last] == [("more_problems", ["body", "rows", 399], 65)]
    assert Counter(last[0]["codes"]).total() == 65
    assert len(answer.content) < 500_000


@pytest.fixture(scope="module")
def lonely(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server of one worker, so that whoever asks beside an import asks the same process."""
    with new_house(tmp_path_factory.mktemp("junk"), workers=1, CHAIRSIDE_PATIENCE="10000") as house:
        yield house


def test_others_are_answered_while_an_import_of_junk_is_judged(lonely: House) -> None:
    """Counted, not timed: from when the import has been sent until its answer a neighbour gets many answers."""
    importer, neighbour = lonely.org("Junk Dental").desk(), lonely.org("Neighbour Dental").desk()
    made = neighbour.made("/patients", {"first_name": "Ana", "last_name": unheard_of()})
    content = junk(5000, 90)
    assert 10 << 20 < len(content) < 16 << 20
    sent, answered = threading.Event(), []

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(content), 1 << 16):
            yield content[start : start + (1 << 16)]
        sent.set()

    def send() -> None:
        headers = {"content-length": str(len(content)), **JSON}
        answered.append(importer.post("/patients/bulk", content=pieces(), headers=headers))

    sending = threading.Thread(target=send)
    sending.start()
    assert sent.wait(60)
    beside = 0
    while not answered:
        assert neighbour.get(f"/patients/{made['id']}").status_code == 200
        beside += 1
    sending.join()
    [answer] = answered
    assert (answer.status_code, len(answer.content) < 2 << 20) == (200, True)
    assert beside > 8
