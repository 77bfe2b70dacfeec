from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from chairside.records import ALL
from chairside.resource import Kind
from tests.contract.builder import Builder, each, nobody, refused

OWNED = [k for k in ALL if k.parent and "create" in k.verbs]
CHILDREN = pytest.mark.parametrize("kind", OWNED, ids=[k.name for k in OWNED])


def alike(one: httpx.Response, two: httpx.Response) -> None:
    """Nobody can tell one refusal from the other."""
    refused(one, 404)
    assert (one.status_code, one.content) == (two.status_code, two.content)
    shown = [
        {k: v for k, v in a.headers.items() if k not in ("x-request-id", "date", "connection")} for a in (one, two)
    ]
    assert shown[0] == shown[1]


@each("create")
def test_another_orgs_path_is_as_if_it_were_not_there(home: Builder, other: Builder, kind: Kind) -> None:
    """With a token of another org every verb answers 404, word for word as for an org that does not exist."""
    made = home.make(kind)
    attempts = home.attempts(made)
    head, foreign = home.head(), other.head()
    base = f"{home.org.house.url}/api/v1"
    token = {"Authorization": f"Bearer {other.org.token('admin')}"}
    for attempt in attempts:
        with (
            httpx.Client(base_url=home.org.base, headers=token) as intruder,
            httpx.Client(base_url=f"{base}/{nobody()}", headers=token) as lost,
            httpx.Client(base_url=f"{base}/nonsense", headers=token) as confused,
        ):
            answer = attempt.by(intruder)
            alike(answer, attempt.by(lost))
            alike(answer, attempt.by(confused))
            assert refused(answer, 404) == {("path", "org_id"): "not_found"}, attempt.verb
    assert (home.head(), other.head()) == (head, foreign)
    assert home.stands(made)


@each("create")
def test_another_orgs_records_are_as_if_they_were_not_there(home: Builder, other: Builder, kind: Kind) -> None:
    """Under one's own org, the id of another org's record is answered as the id of no record."""
    made = home.make(kind)
    under = other.patient_of(kind)
    attempts = [a for a in home.attempts(made) if made.id in a.path]
    if under and made.patient:
        attempts = [a.elsewhere(made.patient, under) for a in attempts]
    head, foreign = home.head(), other.head()
    for attempt in attempts:
        answer = attempt.by(other.client)
        alike(answer, attempt.elsewhere(made.id, nobody()).by(other.client))
        assert refused(answer, 404) == {("path", kind.id_param): "not_found"}, attempt.verb
    assert (home.head(), other.head()) == (head, foreign)
    assert home.stands(made)


@CHILDREN
def test_another_orgs_patient_has_nothing_here(home: Builder, other: Builder, kind: Kind) -> None:
    """Every verb under a patient of another org is answered as under no patient, and nothing is written."""
    made = home.make(kind)
    assert made.patient
    attempts = home.attempts(made)
    wanted = other.body(kind, small=True)
    head, foreign = home.head(), other.head()
    for attempt in attempts:
        mine = replace(attempt, json=wanted) if attempt.verb == "create" else attempt
        alike(mine.by(other.client), mine.elsewhere(made.patient, nobody()).by(other.client))
    assert (home.head(), other.head()) == (head, foreign)
    assert home.stands(made)


@CHILDREN
def test_a_record_is_reached_under_its_own_patient_alone(home: Builder, kind: Kind) -> None:
    """Under another patient of the same org its id is answered as the id of no record, and it is not listed."""
    made = home.make(kind)
    stranger = home.patient_of(kind)
    assert made.patient
    assert stranger
    attempts = [a.elsewhere(made.patient, stranger) for a in home.attempts(made) if made.id in a.path]
    head = home.head()
    for attempt in attempts:
        answer = attempt.by(home.client)
        alike(answer, attempt.elsewhere(made.id, nobody()).by(home.client))
    assert made.id not in {r["id"] for r in home.listed(kind, stranger)}
    assert home.head() == head
    assert home.stands(made)


@CHILDREN
def test_nothing_hangs_on_a_patient_who_is_not_there(home: Builder, kind: Kind) -> None:
    """Under no patient, or an archived one, lists and creates are 404 naming the patient."""
    made = home.make(kind)
    assert made.patient
    attempts = [a for a in home.attempts(made) if a.verb in {"list", "create"}]
    archived = home.make(ALL[0], small=True)
    assert home.archive(archived).status_code == 200
    head = home.head()
    for patient in (nobody(), archived.id):
        for attempt in attempts:
            answer = attempt.elsewhere(made.patient, patient).by(home.client)
            assert refused(answer, 404) == {("path", "patient_uuid"): "not_found"}, attempt.verb
    assert home.head() == head


@each("list")
def test_lists_hold_nothing_of_other_orgs(home: Builder, other: Builder, kind: Kind) -> None:
    """What one org makes appears in no list of the other."""
    if "create" not in kind.verbs or kind.parent:
        return
    mine, theirs = home.make(kind), other.make(kind)
    assert theirs.id not in {r["id"] for r in home.listed(kind)}
    assert mine.id not in {r["id"] for r in other.listed(kind)}


def test_feeds_and_trails_hold_nothing_of_other_orgs(home: Builder, other: Builder) -> None:
    """Neither the feed nor the audit trail of an org tells of another one, and both are closed to its tokens."""
    made = home.make(ALL[0])
    for path in ("/events?limit=1000", "/audit-events?first=200", f"/audit-events?patient={made.id}"):
        assert made.id not in other.client.get(path).text
        with httpx.Client(base_url=home.org.base, headers=other.client.headers) as intruder:
            refused(intruder.get(path), 404, ("path", "org_id"))
