"""Every value of a demo patient is one the API accepts, and none can reach a real person."""

import datetime
import math
import re
from collections import Counter
from functools import cache

import phonenumbers
import pytest
from email_validator import validate_email

from chairside.demo import Person, account, practice

TODAY = datetime.date(2025, 11, 22)

# CreatePatientIn, without its references and billing_account.
TEXTS = frozenset({
    "address_line1", "address_line2", "address_note", "appointment_module_note", "chart_number", "city",
    "country", "email", "emergency_contact_name", "emergency_contact_phone", "first_name", "home_phone",
    "last_name", "medicaid_id", "medical_summary", "medical_urgent_note", "middle_name", "mobile_phone",
    "postal_code", "preferred_language", "preferred_name", "salutation", "social_security_number", "state",
    "title", "treatment_notes", "work_phone",
})  # fmt: skip
DATES = frozenset({"date_first_visit", "date_of_birth"})
BOOLEANS = frozenset({"premedication_required", "receives_email", "receives_sms"})
INTEGERS = {
    "ask_to_arrive_early_mins": range(121),
    "billing_cycle_day": range(1, 32),
    "consent_flags": range(2**31),
}
CHOICES = {
    "allergy_review_status": {"nkda", "not_reviewed", "reviewed"},
    "gender": {"female", "male", "non_binary", "other", "prefer_not_to_say", "unknown"},
    "marital_status": {"divorced", "domestic_partner", "married", "other", "separated", "single", "widowed"},
    "preferred_confirmation_method": {"email", "mail", "none", "phone", "text"},
    "preferred_contact_method": {"email", "mail", "none", "phone", "text"},
    "pronoun": {"he_him", "not_specified", "other", "she_her", "they_them"},
    "status": {"active", "deceased", "inactive", "prospective"},
}
PHONES = ("mobile_phone", "home_phone", "work_phone", "emergency_contact_phone")
NOTES = frozenset(
    {"address_note", "appointment_module_note", "medical_summary", "medical_urgent_note", "treatment_notes"}
)


@cache
def people() -> list[Person]:
    return practice(1, 20_000, TODAY).patients


def values(name: str) -> list[object]:
    return [person.fields[name] for person in people() if name in person.fields]


def test_fields_are_those_of_the_contract_and_all_of_them_occur() -> None:
    """No field is misnamed, none is forgotten, none is a reference."""
    known = TEXTS | DATES | BOOLEANS | INTEGERS.keys() | CHOICES.keys() | {"date_time_deceased"}
    assert {name for person in people() for name in person.fields} == known
    assert len(known) == 43


def test_every_patient_has_first_and_last_name_and_a_status() -> None:
    """What is required is always there."""
    assert all({"first_name", "last_name", "status"} <= person.fields.keys() for person in people())


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_texts_are_trimmed_and_modest(name: str) -> None:
    """No empty text, no stray space, no control character, nothing over-long."""
    for text in values(name):
        assert isinstance(text, str)
        assert text
        assert text == text.strip()
        assert text.isprintable()
        assert len(text) <= (1_000 if name in NOTES else 100)


@pytest.mark.parametrize("name", sorted(CHOICES))
def test_choices_are_of_the_contract_and_vary(name: str) -> None:
    """Only listed values; every one occurs, save what a demo leaves to the default."""
    assert set(map(str, values(name))) == CHOICES[name] - {"not_reviewed"}


@pytest.mark.parametrize("name", sorted(INTEGERS))
def test_numbers_lie_in_their_ranges(name: str) -> None:
    """Minutes 0 to 120, days 1 to 31, flags not negative."""
    assert all(type(number) is int and number in INTEGERS[name] for number in values(name))


@pytest.mark.parametrize("name", sorted(BOOLEANS))
def test_booleans_are_booleans(name: str) -> None:
    """True and False, never 0, 1 or text."""
    assert all(type(value) is bool for value in values(name))


def test_dates_follow_one_another_and_none_lies_ahead() -> None:
    """Born from 1900 on, seen from birth on, neither after today; the record is no older than its person."""
    for person in people():
        born, seen = (person.fields.get(name) for name in ("date_of_birth", "date_first_visit"))
        assert person.created_days_ago >= 0
        if born:
            assert datetime.date(1900, 1, 1) <= datetime.date.fromisoformat(str(born)) <= TODAY
            assert str(born) <= (TODAY - datetime.timedelta(days=person.created_days_ago)).isoformat() or (
                "date_first_visit" not in person.fields
            )
        if seen:
            assert datetime.date.fromisoformat(str(seen)) <= TODAY
            assert not born or str(born) <= str(seen)


def test_the_dead_have_a_time_of_death_and_no_wish_to_be_called() -> None:
    """Only the deceased have a time of death: UTC, past, after the first visit; contact has ended."""
    for person in people():
        fields = person.fields
        assert (fields["status"] == "deceased") == ("date_time_deceased" in fields)
        if "date_time_deceased" in fields:
            died = str(fields["date_time_deceased"])
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00Z", died)
            assert str(fields.get("date_first_visit", "")) <= died[:10] < TODAY.isoformat()
            assert not fields.get("receives_sms")
            assert not fields.get("receives_email")


def test_most_are_active_and_few_are_not() -> None:
    """Each other status has its small share."""
    shares = Counter(map(str, values("status")))
    assert shares["active"] > 15_000
    assert all(100 < shares[status] < 3_000 for status in ("inactive", "prospective", "deceased"))


def test_emails_are_valid_and_reach_nobody() -> None:
    """Only the domains reserved for examples, and each address is one person's or their second chart's."""
    addresses = values("email")
    for address in addresses:
        assert re.fullmatch(r"[a-z0-9._]+@example\.(com|org|net)", str(address))
    for address in addresses[:500]:
        validate_email(str(address), check_deliverability=False)
    assert max(Counter(addresses).values()) == 2


@pytest.mark.parametrize("name", PHONES)
def test_phones_are_possible_numbers_that_ring_nowhere(name: str) -> None:
    """Read as US numbers, all lie in 555-0100 to 555-0199 of some area code, typed in several ways."""
    texts = [str(text) for text in values(name)]
    for text in texts:
        number = str(phonenumbers.parse(text, "US").national_number)
        assert re.fullmatch(r"\d{3}55501\d\d", number)
    assert len({re.sub(r"\d", "9", text) for text in texts}) >= 7


def test_phones_are_numbers_the_numbering_plan_knows() -> None:
    """Area codes exist, so a server that checks numbers accepts them all."""
    for text in set(values("mobile_phone")):
        assert phonenumbers.is_valid_number(phonenumbers.parse(str(text), "US"))


def test_social_security_numbers_are_never_issued_ones() -> None:
    """9xx-4x is neither a social security number nor the tax office's; about a third have one."""
    numbers = [str(number) for number in values("social_security_number")]
    plain = [number.replace("-", "") for number in numbers]
    assert all(
        re.fullmatch(r"9\d\d-4\d-\d{4}|9\d\d4\d{5}", number) and not number.endswith("0000") for number in numbers
    )
    assert len(set(plain)) == len(plain)
    assert 0.27 < len(numbers) / len(people()) < 0.40


def test_social_security_numbers_suffice_for_millions() -> None:
    """The step through all of them meets each before any repeats."""
    assert math.gcd(account._SSN_STEP, account._SSNS) == 1
    assert account._SSNS > 9_000_000


def test_city_state_and_postal_code_fit_together() -> None:
    """A ZIP code names one city, and begins with its state's digit."""
    first_digit = {
        "OH": "4",
        "TX": "7",
        "CA": "9",
        "PR": "0",
        "ME": "0",
        "MA": "0",
        "NJ": "0",
        "NY": "1",
        "FL": "3",
    }
    cities: dict[str, set[object]] = {}
    for person in people():
        fields = person.fields
        if "postal_code" not in fields:
            continue
        code = str(fields["postal_code"])
        assert re.fullmatch(r"\d{5}(-\d{4})?", code)
        assert code[0] == first_digit.get(str(fields["state"]), code[0])
        cities.setdefault(code[:5], set()).add(fields["city"])
    assert len(cities) > 30
    assert all(len(names) == 1 for names in cities.values())


@pytest.mark.parametrize("letter", "éñüöłżễđảóíçêô")
def test_names_carry_the_letters_of_their_languages(letter: str) -> None:
    """Spanish, French, German, Polish, Irish and Vietnamese letters all occur."""
    assert any(letter in f"{name}".casefold() for name in values("first_name") + values("last_name"))


@pytest.mark.parametrize(
    "pattern",
    [
        r"^O'[A-Z]",
        r"^\w+-\w+$",
        r"^von ",
        r"^de la ",
        r"^D'",
        r"^Al-",
        r"^\w+ \w+$",
        r"^Nguyễn$",
        r"(enko|chuk)$",
        r"^Zhang$",
    ],
)
def test_last_names_come_in_the_forms_that_trip_programs(pattern: str) -> None:
    """Apostrophes, hyphens, particles, double names and names from other scripts."""
    assert any(re.search(pattern, str(name)) for name in values("last_name"))


def test_accents_and_nicknames_are_common_enough_to_meet_in_a_small_demo() -> None:
    """Among 500, dozens of names have accents and dozens of people go by another name."""
    small = practice(1, 500, TODAY).patients
    accented = [person for person in small if not str(person.fields["last_name"]).isascii()]
    called = [person for person in small if "preferred_name" in person.fields]
    assert len(accented) >= 50
    assert len(called) >= 50


def test_medical_warnings_are_few_and_agree_with_the_rest() -> None:
    """No known allergies is never claimed beside a warning, and antibiotic cover never lacks its reason."""
    warned = [person.fields for person in people() if "medical_urgent_note" in person.fields]
    assert 0.02 < len(warned) / len(people()) < 0.12
    assert all(fields["allergy_review_status"] == "reviewed" for fields in warned)
    covered = [person.fields for person in people() if person.fields.get("premedication_required")]
    assert 0 < len(covered) < 0.03 * len(people())
    assert all("Antibiotic cover" in str(fields["medical_urgent_note"]) for fields in covered)
