"""How large the orgs of a data directory are: one of a size, or a thousand of mixed sizes."""

from __future__ import annotations

from dataclasses import dataclass

MIXED = "mixed"
MIXED_ORGS, MIXED_PATIENTS, SMALLEST = 1000, 300_000, 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What a data directory holds: patients of each org, of which the first has those that the product made."""

    name: str
    sizes: tuple[int, ...]

    @property
    def patients(self) -> int:
        return sum(self.sizes)


def single(patients: int) -> Plan:
    return Plan(str(patients), (patients,))


def mixed(orgs: int = MIXED_ORGS, patients: int = MIXED_PATIENTS) -> Plan:
    """A few large orgs and many small ones: the so-many-th has so many parts of the largest (Zipf's law)."""
    shares = [1 / place for place in range(1, orgs + 1)]
    spread = (patients - SMALLEST * orgs) / sum(shares)
    return Plan(MIXED, tuple(SMALLEST + int(share * spread) for share in shares))
