"""Numbers with their nouns, and nouns with their article, as the commands print them."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Returns such as "1 org" and "2 orgs"; `plural` for a noun that takes more than an s."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def with_article(noun: str) -> str:
    """Returns such as "an employer" and "a provider"."""
    return f"{'an' if noun[:1] in 'aeio' else 'a'} {noun}"
