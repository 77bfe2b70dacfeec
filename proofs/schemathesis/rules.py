"""Three rules of our own over every kind: a failed create leaves nothing, a child has one parent, archived is gone."""

from __future__ import annotations

from collections.abc import Iterator

from chairside.engine.bodies import create_body
from chairside.records import ALL
from chairside.resource import Kind
from proofs.requests import Asker
from proofs.rows import differences, sums
from proofs.trial import Trial
from tests.cli.hands import command
from tests.contract.builder import CROWDED, Body, archive_form, nobody, references

# Every request leaves its line there, a refused one too.
TRAIL = ("audit_events", "audit_callers", "audit_operations", "audit_links", "users", "tokens")
# Workers fold these rows when they like, and the sums are compared with the patients in the end; or they write late how
# many patients a user was shown.
FOLDED = ("patient_counts", "tag_counts", "shown_volumes")


def try_all(trial: Trial, asker: Asker) -> None:
    for kind in ALL:
        if "create" in kind.verbs:
            _failed_create(trial, asker, kind)
            if "archive" in kind.verbs:
                _archived(trial, asker, kind)
            if kind.parent:
                _other_parent(trial, asker, kind)
    told = command("doctor", data_dir=asker.org.house.data_dir).stdout
    trial.expect("ok    totals" in told, f"after all this the totals are not what is there: {told}")


def _failed_create(trial: Trial, asker: Asker, kind: Kind) -> None:
    """Whatever a create is refused for, not a row of the org is another one afterwards."""
    made = asker.make(kind, CROWDED.get(kind.name))
    bodies = list(_wrong(asker, kind, made.sent))  # some of what they name is made for them
    before = sums(asker.org.house.data_dir, asker.org.id, TRAIL + FOLDED)
    for body in bodies:
        answer = asker.client.post(made.collection, json=body, headers={"Idempotency-Key": f"wrong-{asker.number()}"})
        trial.expect(400 <= answer.status_code < 500, f"{kind.name} with {body} answered {answer.status_code}")
        trial.tried("failed creates")
    after = sums(asker.org.house.data_dir, asker.org.id, TRAIL + FOLDED)
    for difference in differences(before, after):
        trial.breach(f"a failed create of {kind.name} left something: {difference}")


def _wrong(asker: Asker, kind: Kind, right: Body) -> Iterator[Body]:
    """Bodies each wrong in one way, over every field and reference."""
    if kind.unique:
        yield right
    yield right | {"no_such_field": 1}
    for entry in create_body(kind).entries.values():
        if entry.required:
            yield {key: value for key, value in right.items() if key != entry.key}
        yield right | {entry.key: {"wrong": ["type"]}}
        if entry.key in references(kind):
            yield asker.naming(kind, references(kind)[entry.key], nobody())


def _other_parent(trial: Trial, asker: Asker, kind: Kind) -> None:
    """Under another patient of the same org a child is answered as no record, and it is in no list."""
    made, stranger = asker.make(kind), str(asker.patient_of(kind))
    for attempt in [a for a in asker.attempts(made) if made.id in a.path]:
        there = attempt.elsewhere(str(made.patient), stranger)
        one, none = there.by(asker.client), there.elsewhere(made.id, nobody()).by(asker.client)
        alike = (one.status_code, one.content) == (404, none.content)
        trial.expect(alike, f"{attempt.verb} of {kind.name} under another patient: {one.status_code} {one.text[:300]}")
        trial.tried("children under another parent")
    listed = {record["id"] for record in asker.listed(kind, stranger)}
    trial.expect(made.id not in listed, f"{kind.name} is listed under another patient")
    trial.expect(asker.stands(made), f"{kind.name} was changed under another patient")


def _archived(trial: Trial, asker: Asker, kind: Kind) -> None:
    """Archived is gone: no verb reaches it, no list shows it, archiving again finds nothing."""
    made = asker.make(kind, small=True)
    attempts = [a for a in asker.attempts(made) if made.id in a.path and not a.path.endswith("/restore")]
    answer = asker.client.post(f"{made.path}/archive", **archive_form(kind, 1))
    trial.expect(answer.is_success, f"archiving {kind.name} answered {answer.status_code}")
    for attempt in attempts:
        again = attempt.by(asker.client)
        trial.expect(again.status_code == 404, f"{attempt.verb} of an archived {kind.name}: {again.status_code}")
        trial.tried("requests for what is archived")
    gone = made.id not in {record["id"] for record in asker.listed(kind, made.patient)}
    trial.expect(gone, f"an archived {kind.name} is listed")
