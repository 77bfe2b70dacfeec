"""Valid bodies and records of every kind, made from the declarations and through the API alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chairside import types
from chairside.engine.bodies import create_body, patch_body
from chairside.errors import CODES
from chairside.fields import Borrowed, Entry, Reference
from chairside.records import ALL
from chairside.resource import Kind, Verb
from tests.house import Org

Body = dict[str, Any]
Place = tuple[str | int, ...]
Headers = httpx.Headers | Mapping[str, str]

# What a kind's declaration cannot tell of a valid body, by key of the body: a value, or ... for one that is needed
# though the declaration calls it optional, or None for one that must stay away because another excludes it.
EXAMPLES: Mapping[str, Body] = {
    "medication": {"med_descript": ...},
    "referral_attribution": {
        "attribution_role": "secondary",
        "provider_uuid": ...,
        "referral_partner_uuid": None,
        "referral_source_uuid": None,
        "referring_patient_uuid": None,
    },
    # Only the deceased have it.
    "patient": {"date_time_deceased": None},
    # It would have to be an appointment of the same patient.
    "communication_log": {"appointment_uuid": None},
    # A patient who may have been born in 2020 was not measured before.
    "vital_signs": {"date_taken": "2025-03-01"},
    "field_definition": {"field_type": "text", "dropdown_options": None},
    "appointment": {"starts_at": "2026-03-01T09:00:00Z", "ends_at": "2026-03-01T09:30:00Z"},
}
# References of which a record has exactly one.
EXCLUSIVE = {
    "referral_attribution": ("provider_uuid", "referral_partner_uuid", "referral_source_uuid", "referring_patient_uuid")
}
# What makes a second record of a patient one too many.
CROWDED: Mapping[str, Body] = {"referral_attribution": {"attribution_role": "primary"}}
ASK = "Give the kind a body in EXAMPLES of tests/contract/builder.py."

_BY_NAME = {kind.name: kind for kind in ALL}
_numbers = count(1)


def each(*verbs: Verb) -> pytest.MarkDecorator:
    """Runs a test for every kind that has these verbs."""
    kinds = [k for k in ALL if set(verbs) <= set(k.verbs)]
    return pytest.mark.parametrize("kind", kinds, ids=[k.name for k in kinds])


def each_with(code: str) -> pytest.MarkDecorator:
    """Runs a test for every kind that has this refusal for a second record of its sort."""
    kinds = [k for k in ALL if any(u.code == code for u in k.unique)]
    return pytest.mark.parametrize("kind", kinds, ids=[k.name for k in kinds])


class Underivable(Exception):
    """No valid value follows from the type alone."""


def value(of: types.Type, number: int, turn: int = 0) -> Any:
    """A valid JSON value of a type, another one for another number or turn as far as the type allows."""
    match of:
        case types.Choice():
            return of.values[turn % len(of.values)]
        case types.Integer():
            return of.min + (number + turn) % min(of.max - of.min + 1, 50)
        case types.Number():
            least = of.min if of.min > 0 else Decimal(1)
            return f"{min(of.max, least + (number + turn) % 10):.{of.scale}f}"
        case types.Boolean():
            return turn == 0
        case types.Many():
            return [value(of.item, number + i, turn) for i in range(max(1, of.min))]
    return _text(of, number, turn)


def _text(of: types.Type, number: int, turn: int) -> str:
    if isinstance(of, types.Text):
        text = f"Sample {number}.{turn}"
        text = text if len(text) <= of.max else f"{number % 10000:x}{turn}"[-of.max :]
        return text.ljust(of.min, "x")
    formed = {
        types.Email: f"sample{number}.{turn}@example.org",
        types.Phone: f"(312) 555-{(number * 2 + turn) % 10000:04}",
        types.Ssn: f"9{turn:02}-{number % 90 + 10}-{number % 9000 + 1000}",
        types.Date: str(date(2020, 1, 1) + timedelta(days=number % 300 + turn)),
        types.Timestamp: f"2021-03-0{turn + 1}T09:{number % 60:02}:00Z",
        types.TimeOfDay: f"{9 + turn:02}:{number % 60:02}:00",
        types.Timezone: ("America/Chicago", "America/Denver")[turn % 2],
        types.Pattern: of.example if isinstance(of, types.Pattern) else "",
    }
    if type(of) not in formed:
        raise Underivable(type(of).__name__)
    return formed[type(of)]


@dataclass(frozen=True)
class Made:
    """A record that was created: where it is, what was sent and what was answered."""

    kind: Kind
    collection: str
    patient: str | None
    sent: Body
    answer: httpx.Response

    @property
    def record(self) -> Body:
        return dict(self.answer.json())

    @property
    def id(self) -> str:
        return str(self.record["id"])

    @property
    def path(self) -> str:
        return f"{self.collection}/{self.id}"


@dataclass(frozen=True)
class Attempt:
    """A request that would be right, for whoever may make it."""

    verb: Verb
    method: str
    path: str
    json: Body | None = None
    params: Body = field(default_factory=dict)

    def by(self, client: httpx.Client, headers: Headers | None = None) -> httpx.Response:
        return client.request(self.method, self.path, headers=headers, json=self.json, params=self.params)

    def elsewhere(self, old: str, new: str) -> Attempt:
        """The same with another id in its path."""
        assert old in self.path
        return replace(self, path=self.path.replace(old, new))


class Builder:
    """Makes records of any kind in one org, as an admin of it."""

    def __init__(self, org: Org) -> None:
        self.org, self.client = org, org.desk()
        self.bodies: Counter[str] = Counter()

    def number(self) -> int:
        return next(_numbers)

    def patient_of(self, kind: Kind) -> str | None:
        """A new patient for a record that belongs to one."""
        return self.make(_BY_NAME[kind.parent], small=True).id if kind.parent else None

    def collection(self, kind: Kind, patient: str | None) -> str:
        return "/" + kind.path.replace("{patient_uuid}", patient or "")

    def body(self, kind: Kind, *, small: bool = False) -> Body:
        """A valid body of a create: every field that can be told from the declaration, or only those required."""
        hints, number = EXAMPLES.get(kind.name, {}), self.number()
        self.bodies[kind.name] += 1
        sent: Body = {}
        for entry in create_body(kind).entries.values():
            hint = hints.get(entry.key, ...)
            if hint is None or (small and not entry.required and entry.key not in hints):
                continue
            try:
                # A value that may be there once only differs from one record of the kind to the next.
                turn = self.bodies[kind.name] if entry.key in {u.key for u in kind.unique} else 0
                sent[entry.key] = self.value(kind, entry, number, turn) if hint is ... else hint
            except Underivable as unknown:
                if entry.required:
                    pytest.fail(f"No value can be derived for {kind.name}.{entry.key} ({unknown}): {ASK}")
        return sent

    def naming(self, kind: Kind, ref: Reference, target: str) -> Body:
        """A valid body but for what this reference names."""
        others = EXCLUSIVE.get(kind.name, ())
        return {k: v for k, v in self.body(kind).items() if k not in others} | {ref.key: target}

    def value(self, kind: Kind, entry: Entry, number: int, turn: int = 0) -> Any:
        """A valid value of one field; for a reference, the id of a new record of that kind."""
        target = references(kind).get(entry.key)
        if target is None:
            return value(entry.type, number, turn)
        return self.make(_BY_NAME[target.to], small=True).id

    def make(self, kind: Kind, changes: Body | None = None, *, small: bool = False, patient: str | None = None) -> Made:
        """A new record of a kind, under this patient or one of its own."""
        sent = self.body(kind, small=small) | (changes or {})
        if patient:
            self.make_room(kind, patient, sent)
        patient = patient or self.patient_of(kind)
        answer = self.client.post(self.collection(kind, patient), json=sent)
        if answer.status_code != 201:
            pytest.fail(f"The body derived for {kind.name} was refused: {answer.text} {ASK}")
        return Made(kind, self.collection(kind, patient), patient, sent, answer)

    def make_room(self, kind: Kind, patient: str, sent: Body) -> None:
        """Archives what the patient has already and may have once only, where it stands in the way of this body."""
        crowded = CROWDED.get(kind.name, sent)
        keys = [u.key for u in kind.unique if u.key not in references(kind)]
        once = [key for key in keys if key in sent and sent[key] == crowded.get(key)]
        for record in self.listed(kind, patient) if once and "archive" in kind.verbs else ():
            if any(record[key] == sent[key] for key in once):
                path = f"{self.collection(kind, patient)}/{record['id']}"
                self.client.post(f"{path}/archive", **archive_form(kind, record["version"])).raise_for_status()

    def hold(self, patient: str) -> Made:
        """A reading of vital signs that holds procedures, newer than all others of the patient."""
        values = {"date_taken": str(datetime.now(UTC).date()), "oxygen_saturation": 88}
        return self.make(_BY_NAME["vital_signs"], values, small=True, patient=patient)

    def change(self, made: Made) -> Body:
        """A body of a PATCH, without base_version, that changes one field of a record."""
        entries = [e for e in patch_body(made.kind).entries.values() if e.key != "base_version"]
        entries.sort(key=lambda e: (e.key in references(made.kind), not isinstance(e.type, types.Text)))
        for entry in entries:
            try:
                new = self.value(made.kind, entry, self.number(), turn=1)
            except Underivable:
                continue
            if new != made.record.get(entry.key):
                return {entry.key: new}
        raise AssertionError(f"No field of {made.kind.name} can be given another value by a PATCH.")

    def attempts(self, made: Made) -> list[Attempt]:
        """A request for each verb of a record's kind, about that record or beside it; what they name exists by now."""
        kind, one = made.kind, made.path
        beside = self.body(kind, small=True) if "create" in kind.verbs else {}
        if made.patient:
            self.make_room(kind, made.patient, beside)
        every = {
            "list": lambda: Attempt("list", "GET", made.collection),
            "get": lambda: Attempt("get", "GET", one),
            "create": lambda: Attempt("create", "POST", made.collection, beside),
            "patch": lambda: Attempt("patch", "PATCH", one, {"base_version": 1, **self.change(made)}),
            "archive": lambda: Attempt("archive", "POST", f"{one}/archive", **archive_form(kind, 1)),
            "restore": lambda: Attempt("restore", "POST", f"{one}/restore", {}),
        }
        return [every[verb]() for verb in kind.verbs]

    def shown(self, made: Made) -> Body:
        """The record as it is read now, or as it is listed where a kind has no read of one."""
        if "get" in made.kind.verbs:
            return lasting(made.kind, self.client.read(made.path))
        [record] = [r for r in self.listed(made.kind, made.patient) if r["id"] == made.id]
        return lasting(made.kind, record)

    def stands(self, made: Made) -> bool:
        """Whether a record is shown as it was made."""
        return self.shown(made) == lasting(made.kind, made.record)

    def events(self, kind: Kind, after: int) -> list[Body]:
        """The events of a kind after a number; others may follow from a change, as those of its patient."""
        items = self.client.read("/events", after=after, limit=1000)["items"]
        return [e for e in items if e["kind"] == kind.name]

    def patch(self, made: Made, version: int, sent: Body, headers: Headers | None = None) -> httpx.Response:
        return self.client.patch(made.path, json={"base_version": version, **sent}, headers=headers)

    def archive(self, made: Made, version: int = 1, headers: Headers | None = None) -> httpx.Response:
        return self.client.post(f"{made.path}/archive", headers=headers, **archive_form(made.kind, version))

    def head(self) -> int:
        """How many events the org has; every change adds some."""
        return int(self.client.read("/events", latest=True)["next_after"])

    def total(self, kind: Kind, patient: str | None = None) -> int:
        """How many records of a kind are listed."""
        if kind.bare_list:
            return len(self.client.read(self.collection(kind, patient)))
        return int(self.client.read(self.collection(kind, patient), page_size=1)["total"])

    def listed(self, kind: Kind, patient: str | None = None) -> Iterator[Body]:
        """Every record that the list of a kind shows, page by page."""
        if kind.bare_list:
            yield from self.client.read(self.collection(kind, patient))
            return
        for page in count(1):
            answer = self.client.read(self.collection(kind, patient), page=page, page_size=200)
            yield from answer["items"]
            if not answer["items"]:
                return


def references(kind: Kind) -> dict[str, Reference]:
    """The references that a create of this kind takes, by key of the body."""
    return {r.key: r for r in kind.references if r.create and not r.hidden}


def lasting(kind: Kind, record: Body) -> Body:
    """A record without what only the answer to a change shows."""
    passing = {f.name for f in kind.answered if not f.stored and not isinstance(f, Borrowed)}
    return {name: v for name, v in record.items() if name not in passing}


def archive_form(kind: Kind, version: int) -> Body:
    """What to send with an archive, as arguments of a POST."""
    wanted = {"base_version": version}
    return {"id": {}, "body": {"json": wanted}, "query": {"params": wanted}}[kind.archive_by]


def nobody() -> str:
    """The id of no record."""
    return str(uuid4())


def refused(answer: httpx.Response, status: int, *places: Place) -> dict[Place, str]:
    """The code of each problem by its place, once it is clear that this is the one form of a refusal."""
    about = f"{answer.request.method} {answer.request.url.path} answered {answer.status_code}: {answer.text[:600]}"
    assert answer.status_code == status, about
    assert answer.headers["content-type"] == "application/json", about
    assert answer.headers["x-request-id"], about
    body = answer.json()
    assert set(body) == {"detail"}, about
    assert body["detail"], about
    for problem in body["detail"]:
        assert {"loc", "msg", "type"} <= set(problem), about
        assert problem["loc"], about
        assert all(isinstance(part, str | int) for part in problem["loc"]), about
        assert problem["msg"], about
        assert problem["type"] in CODES, about
    found: dict[Place, str] = {tuple(p["loc"]): p["type"] for p in body["detail"]}
    for place in places:
        assert place in found, f"{place} is not named: {about}"
    return found
