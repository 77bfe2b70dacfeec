"""What must be unique is settled by the database: 32 clients at the same moment, for every kind."""

from __future__ import annotations

import httpx
import pytest

from chairside.records import ALL
from chairside.resource import Kind
from tests.contract.builder import CROWDED, Builder, each_with, refused
from tests.house import Client
from tests.patients.acts import at_once
from tests.people.deeds import insist

CROWD = 32
DUPLICATES = [k for k in ALL if k.unique]


@pytest.fixture(scope="module")
def crowd(home: Builder) -> list[Client]:
    """32 clients with connections of their own."""
    return [home.org.desk() for _ in range(CROWD)]


def all_but_one_refused(answers: list[httpx.Response], status: int, kind: Kind) -> None:
    """One has this status, the others 409 naming what is taken by the code declared for it."""
    assert sorted(a.status_code for a in answers) == [status] + [409] * (CROWD - 1)
    codes = {(u.key, u.code) for u in kind.unique}
    for answer in (a for a in answers if a.status_code == 409):
        [(place, code)] = refused(answer, 409).items()
        assert (place[-1], code) in codes


@pytest.mark.parametrize("kind", DUPLICATES, ids=[k.name for k in DUPLICATES])
def test_of_32_equal_creates_at_once_one_is_done(home: Builder, crowd: list[Client], kind: Kind) -> None:
    """One record and one event; each of the others is told why not."""
    sent = home.body(kind) | CROWDED.get(kind.name, {})
    path, head = home.collection(kind, home.patient_of(kind)), home.head()
    answers = at_once(CROWD, lambda n: insist(lambda: crowd[n].post(path, json=sent)))
    all_but_one_refused(answers, 201, kind)
    assert len(home.events(kind, head)) == 1


@each_with("duplicate_name")
def test_of_32_that_take_one_name_at_once_one_gets_it(home: Builder, crowd: list[Client], kind: Kind) -> None:
    """The same for PATCH, in whatever case the name is written; the others keep theirs."""
    made = [home.make(kind, small=True) for _ in range(CROWD)]
    name, head = f"Wanted {home.number()}", home.head()

    def take(number: int) -> httpx.Response:
        body = {"base_version": 1, "name": name.upper() if number % 2 else name}
        return insist(lambda: crowd[number].patch(made[number].path, json=body))

    answers = at_once(CROWD, take)
    all_but_one_refused(answers, 200, kind)
    assert len(home.events(kind, head)) == 1
    kept = [home.stands(m) for m, answer in zip(made, answers, strict=True) if answer.status_code == 409]
    assert kept == [True] * (CROWD - 1)
