"""Answers kept for retries are stored packed, and those that older releases kept are still given."""

from __future__ import annotations

import pytest

from chairside.engine.packing import PACKED, Kept, pack, unpack
from tests.database import connected
from tests.house import House, Org

# Packed by the first release that packed; the dictionary may never change.
FIRST = "0133e4d24f2cc8d42f33d4afd087d658c5fa06865cb0e83544af101c5312b1570248860200"
KEPT = Kept(b'{"id":"01","first_name":"Ada","middle_name":null,"version":1}', "1", "/api/v1/x/patients/01")


@pytest.mark.parametrize(
    "kept", [KEPT, Kept(b"", None, None), Kept(b"\n\n", "7", None), Kept(b"x" * 1_000_000, None, "/a")]
)
def test_an_answer_is_given_as_it_was_kept(kept: Kept) -> None:
    """Byte for byte, also without a body, an ETag or a location."""
    assert unpack(pack(kept)) == kept
    assert pack(kept).startswith(PACKED)


def test_an_answer_that_the_first_release_packed_can_be_unpacked() -> None:
    """Kept answers outlive an upgrade."""
    assert unpack(bytes.fromhex(FIRST)) == KEPT


async def test_an_answer_takes_a_fraction_of_its_bytes(house: House, org: Org) -> None:
    """A patient's answer is mostly names of fields."""
    with org.desk() as desk:
        answer = desk.post(
            "/patients", json={"first_name": "Ada", "last_name": "Packed"}, headers={"Idempotency-Key": "packed"}
        )
    async with connected(house.data_dir, "superuser") as connection:
        [row] = await connection.fetch("SELECT * FROM idempotency_keys WHERE org_id = $1 AND key = 'packed'", org.id)
    assert (row["etag"], row["location"]) == (None, None)
    assert len(row["body"]) < len(answer.content) / 5


async def test_an_answer_that_an_older_release_kept_is_given_again(house: House, org: Org) -> None:
    """Its body is JSON, with location and ETag or version beside it."""
    key = {"Idempotency-Key": "older"}
    sent = {"first_name": "Ada", "last_name": "Older"}
    with org.desk() as desk:
        first = desk.post("/patients", json=sent, headers=key)
        for body, etag in ((first.content, "41"), (first.content.replace(b"Ada", b"Eve"), None)):
            async with connected(house.data_dir, "superuser") as connection:
                await connection.execute(
                    "UPDATE idempotency_keys SET body = $2, etag = $3, version = 3, location = $4"
                    " WHERE org_id = $1 AND key = 'older'",
                    org.id, body, etag, first.headers["location"],
                )  # fmt: skip
            again = desk.post("/patients", json=sent, headers=key)
            assert again.headers["idempotent-replayed"] == "true"
            assert (again.status_code, again.content) == (201, body)
            assert again.headers["etag"] == f'"{etag or 3}"'
            assert again.headers["location"] == first.headers["location"]
