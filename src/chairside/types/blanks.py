"""Empty text as forms send it: the types for which it can stand for nothing, and their schemas with it."""

from __future__ import annotations

from collections.abc import Mapping

from chairside.types.ssn import Ssn
from chairside.types.texts import NOT_BLANK, Email, Pattern, Phone, Text, Timezone

BLANKABLE = (Text, Pattern, Timezone, Email, Phone, Ssn)


def takes_blank(of: object) -> bool:
    """Whether empty text can stand for nothing: for text that people type, not for words to choose from or ids."""
    return isinstance(of, BLANKABLE)


def or_blank(schema: Mapping[str, object]) -> dict[str, object]:
    """The schema of a type of text, widened to take empty text."""
    wider = {name: part for name, part in schema.items() if name != "minLength"}
    pattern = str(wider.pop("pattern", NOT_BLANK))
    if pattern != NOT_BLANK:
        wider["pattern"] = f"^({pattern.removeprefix('^').removesuffix('$')})?$"
    elif "minLength" in schema:
        wider["pattern"] = f"^$|{NOT_BLANK}"
    return wider
