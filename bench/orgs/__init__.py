"""Makes believable orgs of any size: a few hundred patients by the product itself, the others after them, by COPY."""

from bench.orgs.made import Made, make
from bench.orgs.plans import Plan, mixed, single

__all__ = ["Made", "Plan", "make", "mixed", "single"]
