"""Keys and words that compare, sort and find a patient, derived from the patient's texts and the org's region."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

from chairside.changes import Record, SearchWords
from chairside.knowledge.given_names import nicknames_of
from chairside.records.patients.fields import PHONES
from chairside.telephones import ascii_digits, e164, telephones
from chairside.words import birth_word, fold, in_pairs, longest, name_words, squeeze, tail_word

# Raised whenever keys or words of the same patient become others, also by another release of a library; the next
# `migrate` then derives them anew (engine/rekeying), and a test notices when it was forgotten.
DERIVATION = 2
# Scopes of search words: names and chart number; the rest; all words of archived patients; the names of those who have
# more words than are paired.
NAME_SCOPE, OTHER_SCOPE, ARCHIVED_SCOPE, LONG_SCOPE = 0, 1, 2, 3
# Two of n words stand beside each other in n(n-1)/2 rows, so 66 for these; whoever has more has two rows for each word.
MOST_PAIRED = 12
_PARTS = re.compile(r"[\s,;/|]+")


def keys(patient: Record, region: str) -> Record:
    """Returns the columns that patients are compared and sorted by."""
    chart, mail = patient["chart_number"], patient["email"]
    return {
        "last_name_key": squeeze(patient["last_name"]),
        "first_name_key": squeeze(patient["first_name"]),
        "chart_number_key": chart and (squeeze(chart) or chart),
        "email_key": mail and fold(mail),
    } | {f"{phone}_e164": e164(patient[phone], region) for phone in PHONES}


def search_words(patient: Record, region: str) -> SearchWords:
    """Returns what a patient is found by: names and chart number first, each beside another, then telephones.

    Mobile phone, e-mail and birth date lead to patients by their own indexes (store/narrowing), which leave out the
    archived; for those they are words, too.
    """
    whole = squeeze(patient["last_name"]), squeeze(patient["first_name"])
    names = _names(patient, whole)
    others = name_words(patient["middle_name"])
    for phone in PHONES:
        if typed := patient[phone]:
            others |= number_words(typed, region)
    if patient["deleted_at"]:
        born, mail = patient["date_of_birth"], patient["email"]
        others |= {birth_word(born)} if born else set()
        others |= {squeeze(mail)} if mail else set()
        return {(ARCHIVED_SCOPE, ""): {(word, "") for word in (*names, *others)}}
    others.discard(e164(patient["mobile_phone"], region))
    rest = {(w, "") for w in others.difference(names)}
    name, told = " ".join(whole), _told(names, patient)
    if len(told) <= MOST_PAIRED:
        return {(NAME_SCOPE, name): set(in_pairs(told)), (OTHER_SCOPE, ""): rest}
    alone = {(word, "") for word in told}
    return {(NAME_SCOPE, name): alone, (LONG_SCOPE, name): alone, (OTHER_SCOPE, ""): rest}


def _names(patient: Record, whole: tuple[str, str]) -> set[str]:
    """All words of names and chart number."""
    names = {*whole}
    if chart := patient["chart_number"]:
        names.add(squeeze(chart) or chart)
        if len(parts := [*chart.split(), *_PARTS.split(chart)]) > 2:
            names.update(map(squeeze, parts))
    # A name of ASCII letters alone is its key.
    given = patient["first_name"], patient["last_name"]
    names |= name_words(*(n for n in given if not (n.isascii() and n.isalnum())))
    names |= name_words(patient["preferred_name"])
    names.discard("")
    return names


def _told(names: set[str], patient: Record) -> list[str]:
    """The words that are kept: whoever is found by one that another begins with is found by the longer.

    A first name with nicknames is kept as well, because nicknames lead to whole words alone.
    """
    told = longest(names)
    given = filter(None, (patient["first_name"], patient["preferred_name"]))
    firsts = {squeeze(word) for name in given for word in name.split()[:1]}
    kept = [first for first in firsts.difference(told) if nicknames_of(first)]
    return sorted({*told, *kept} - {""}) if kept else told


def number_words(typed: str, region: str) -> set[str]:
    """Returns what the telephones of a field are found by: international form, and digits from the last on.

    A question of digits looks for numbers of the org's country and of country code 1 by the international form, which
    its sign keeps out of every other search; numbers of other countries have a word from the area code on as well.
    """
    found: set[str] = set()
    for number in telephones(typed, region):
        found |= {number.e164, tail_word(number.national)}
        if not number.e164.startswith(("+1", _code(region))):
            found.add(number.national)
    digits = "" if found else re.sub(r"\D", "", ascii_digits(typed))
    return found | {digits, tail_word(digits)} if digits else found


@lru_cache(maxsize=256)
def _code(region: str) -> str:
    return f"+{phonenumbers.country_code_for_region(region)}"
