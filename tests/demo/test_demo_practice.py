"""A demo practice repeats exactly, and its people belong together as people do."""

import datetime
import hashlib
import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter, defaultdict
from functools import cache
from itertools import combinations, islice

import pytest

from chairside.demo import Person, Practice, practice, rows

TODAY = datetime.date(2025, 11, 22)
YEAR = datetime.timedelta(days=365.25)
DIGEST = """
import datetime, hashlib
from chairside.demo import practice
print(hashlib.sha256(repr(practice(7, 600, datetime.date(2025, 11, 22))).encode()).hexdigest())
"""


@cache
def many() -> Practice:
    return practice(1, 20_000, TODAY)


def born(person: Person) -> datetime.date | None:
    text = person.fields.get("date_of_birth")
    return datetime.date.fromisoformat(str(text)) if text else None


def households() -> list[list[Person]]:
    """Everyone with others on the account, the guarantor first."""
    together: dict[int, list[Person]] = defaultdict(list)
    for person in many().patients:
        if person.guarantor is not None:
            together[person.guarantor].append(person)
    return [[many().patients[head], *others] for head, others in together.items()]


def folded(text: object) -> str:
    plain = unicodedata.normalize("NFKD", str(text).translate(str.maketrans("đĐłŁøØ", "dDlLoO")).casefold())
    return "".join(letter for letter in plain if letter.isalpha())


def digits(text: object) -> str:
    return re.sub(r"\D", "", str(text))[-10:]


def looks_like(one: Person, other: Person) -> bool:
    """The duplicate check of the API: last name with birth date, mobile phone, email or SSN."""
    a, b = one.fields, other.fields
    if "date_of_birth" in a and (a["date_of_birth"], folded(a["last_name"])) == (
        b.get("date_of_birth"),
        folded(b["last_name"]),
    ):
        return True
    if "mobile_phone" in a and "mobile_phone" in b and digits(a["mobile_phone"]) == digits(b["mobile_phone"]):
        return True
    return any(name in a and a[name] == b.get(name) for name in ("email", "social_security_number"))


def test_the_same_seed_and_day_give_an_equal_practice() -> None:
    """Two calls with equal arguments compare equal, down to every field."""
    assert practice(7, 600, TODAY) == practice(7, 600, TODAY)


def test_another_seed_gives_other_people() -> None:
    """The seed matters: hardly a name stands in the same place."""
    one, other = practice(7, 200, TODAY).patients, practice(8, 200, TODAY).patients
    same = sum(a.fields["first_name"] == b.fields["first_name"] for a, b in zip(one, other, strict=True))
    assert same < 20


def test_a_practice_is_equal_in_every_process() -> None:
    """Neither hash randomisation nor an earlier call in the process changes anything."""
    expected = hashlib.sha256(repr(practice(7, 600, TODAY)).encode()).hexdigest()
    for hash_seed in ("0", "4711"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        run = subprocess.run(
            [sys.executable, "-c", DIGEST], env=environment, capture_output=True, text=True, check=True
        )
        assert run.stdout.strip() == expected


def test_the_stream_gives_the_same_persons_as_the_practice() -> None:
    """rows() is practice().patients without holding them."""
    assert list(rows(1, 500, TODAY)) == practice(1, 500, TODAY).patients


def test_stretches_of_one_practice_share_no_number() -> None:
    """What is made of a person's place differs between stretches, and each names guarantors of its own."""
    parts = [(first, list(rows(first, 300, TODAY, first))) for first in (0, 300, 600)]
    persons = [person for _, part in parts for person in part]
    for name in ("chart_number", "social_security_number", "medicaid_id"):
        numbers = [person.fields[name] for person in persons if name in person.fields]
        assert len(set(numbers)) == len(numbers) > 20, name
    assert persons[300].fields["chart_number"] == "DG-000301"
    for first, part in parts:
        assert all(p.guarantor is None or first <= p.guarantor < first + 300 for p in part)


def test_a_million_can_be_begun_without_making_them() -> None:
    """The first persons of a huge stream come at once, so it is a stream."""
    assert len(list(islice(rows(1, 10**12, TODAY), 10))) == 10


@pytest.mark.parametrize("count", [0, 1, 2, 3, 49, 50, 51, 500])
def test_exactly_as_many_patients_come_as_were_asked_for(count: int) -> None:
    """A household that would overflow is cut short."""
    assert len(practice(3, count, TODAY).patients) == count


def test_a_negative_count_or_an_impossible_day_is_refused_at_once() -> None:
    """The error comes from the call, not from the first step of the stream."""
    with pytest.raises(ValueError, match="negative"):
        rows(1, -1, TODAY)
    with pytest.raises(ValueError, match="2001"):
        rows(1, 1, datetime.date(2000, 12, 31))


def test_guarantors_come_earlier_and_are_their_own() -> None:
    """Nobody names a later patient, themselves, or someone who names another."""
    people = many().patients
    dependents = [(place, person) for place, person in enumerate(people) if person.guarantor is not None]
    assert len(dependents) > 5_000
    for place, person in dependents:
        assert person.guarantor is not None
        assert person.guarantor < place
        assert people[person.guarantor].guarantor is None
        assert people[person.guarantor].fields["status"] != "deceased"


def test_every_index_points_into_its_list_and_every_entry_is_used() -> None:
    """References are whole, and no catalog entry stands idle."""
    made = many()
    for name, entries in (
        ("location", made.locations),
        ("primary_provider", made.providers[:5]),
        ("secondary_provider", made.providers),
        ("fee_schedule", made.fee_schedules),
        ("billing_type", made.billing_types),
        ("employer", made.employers),
    ):
        used = {getattr(person, name) for person in made.patients}
        assert None in used
        if name == "secondary_provider":
            assert used == {None, 5}
        else:
            assert used - {None} == set(range(len(entries)))
    tags = {tag for person in made.patients for tag in person.tags}
    assert tags == set(range(len(made.tag_definitions)))
    assert all(len(set(person.tags)) == len(person.tags) for person in made.patients)


def test_chart_numbers_are_unique() -> None:
    """20,000 patients, 20,000 chart numbers, second charts included."""
    numbers = {str(person.fields["chart_number"]) for person in many().patients}
    assert len(numbers) == 20_000
    assert all(re.fullmatch(r"DG-\d{6,}", number) for number in numbers)


def test_families_share_address_and_phone_and_mostly_the_name() -> None:
    """All on an account live together; most bear the same last name, some children do not."""
    same_name, named_otherwise = Counter[bool](), 0
    for head, *others in households():
        for person in others:
            for name in ("address_line1", "address_line2", "city", "state", "postal_code", "home_phone"):
                assert person.fields.get(name) == head.fields.get(name)
            same_name[person.fields["last_name"] == head.fields["last_name"]] += 1
            date = born(person)
            if date and TODAY - date < 18 * YEAR and person.fields["last_name"] != head.fields["last_name"]:
                named_otherwise += 1
    assert 0.70 < same_name[True] / same_name.total() < 0.97
    assert named_otherwise > 100


def test_children_are_at_least_sixteen_years_younger_than_their_parents() -> None:
    """No minor has a parent, the guarantor or the guarantor's spouse, who is too young for it."""
    seen = 0
    for people in households():
        dated = [(person, date) for person in people if (date := born(person))]
        minors = [date for _, date in dated if TODAY - date < 18 * YEAR]
        couple = ("married", "domestic_partner")
        parents = [
            date for person, date in dated if person is people[0] or person.fields.get("marital_status") in couple
        ]
        for minor in minors:
            for parent in parents:
                assert minor - parent >= 16 * YEAR
                seen += 1
    assert seen > 3_000


def test_no_minor_is_a_guarantor_or_married() -> None:
    """Children are never the ones who pay, nor married, widowed or divorced."""
    for person in many().patients:
        date = born(person)
        if date and TODAY - date < 18 * YEAR:
            assert person.fields.get("marital_status", "single") == "single"
    for head, *_ in households():
        date = born(head)
        assert date is None or TODAY - date >= 18 * YEAR


def test_ages_reach_from_newborns_to_a_hundred_in_a_believable_spread() -> None:
    """Each age group has its share, none crowds out the others."""
    ages = [(TODAY - date) / YEAR for person in many().patients if (date := born(person))]
    assert min(ages) < 1
    assert 93 < max(ages) <= 101
    shares = Counter(min(int(age) // 20, 4) for age in ages)
    assert all(low < shares[band] / len(ages) < 0.40 for band, low in enumerate((0.2, 0.15, 0.15, 0.1, 0.01)))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_five_hundred_hold_about_ten_people_typed_twice(seed: int) -> None:
    """The duplicate check finds the planted pairs; twins aside, little else looks alike."""
    people = practice(seed, 500, TODAY).patients
    pairs = [(a, b) for a, b in combinations(people, 2) if looks_like(a, b)]
    typed_twice = [
        (a, b) for a, b in pairs if b.fields["address_line1"] != a.fields["address_line1"] or b.guarantor is None
    ]
    assert 9 <= len(typed_twice) <= 12
    assert len(pairs) <= 20


def test_second_charts_differ_in_the_ways_a_front_desk_errs() -> None:
    """Lost accents, a nickname, capitals, a misread birth date, another phone format: each occurs."""
    people = many().patients
    by_phone: dict[str, list[Person]] = defaultdict(list)
    for person in people[:5_000]:
        if "mobile_phone" in person.fields:
            by_phone[digits(person.fields["mobile_phone"])].append(person)
    pairs = [found[:2] for found in by_phone.values() if len(found) == 2]
    assert any(
        a.fields["last_name"] != b.fields["last_name"]
        and folded(a.fields["last_name"]) == folded(b.fields["last_name"])
        for a, b in pairs
    )
    assert any(b.fields["first_name"] == a.fields.get("preferred_name") for a, b in pairs)
    assert any(a.fields["date_of_birth"] != b.fields["date_of_birth"] for a, b in pairs)
    assert all(a.fields["mobile_phone"] != b.fields["mobile_phone"] for a, b in pairs)
    assert any(str(person.fields["last_name"]).isupper() for person in people)


def test_the_module_run_alone_tells_count_and_rate() -> None:
    """`python -m chairside.demo 300` prints one line with both."""
    run = subprocess.run(
        [sys.executable, "-m", "chairside.demo", "300"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.fullmatch(r"300 persons in \d+\.\d\d s: \d+ persons/s\n", run.stdout)
