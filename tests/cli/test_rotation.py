"""Rotating the key while the server goes on loses no value, whatever is being written, and no answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from chairside.engine.vault import Vault
from chairside.store.transactions import transaction
from tests.cli.hands import command
from tests.database import connected
from tests.house import Org, chairside, new_house

COLUMN = "social_security_number_sealed"
SEALED = f"SELECT {COLUMN} FROM patients WHERE org_id = $1 AND id = $2"
PUT_BACK = f"UPDATE patients SET {COLUMN} = $3 WHERE org_id = $1 AND id = $2"


@pytest.fixture(scope="module")
def rotated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    """An org of a server whose key these tests rotate."""
    with new_house(tmp_path_factory.mktemp("rotated"), workers=1) as house:
        yield house.org("Rotation Dental")


def test_a_write_that_began_under_the_old_key_is_waited_for(rotated: Org) -> None:
    """It may put back a value of that key behind the pass over all values, a large one after many seconds."""
    sent = {"first_name": "A", "last_name": "B", "social_security_number": "900-45-6789"}
    made, data_dir = rotated.desk().made("/patients", sent), rotated.house.data_dir

    async def put_back_late() -> None:
        async with connected(data_dir) as slow, transaction(slow, rotated.id, writes=True, stamps=True):
            old = await slow.fetchval(SEALED, rotated.id, made["id"])
            rotation = asyncio.create_task(asyncio.to_thread(chairside, "rotate-key", data_dir=data_dir))
            for _ in range(600):
                if await slow.fetchval(SEALED, rotated.id, made["id"]) != old:
                    break
                await asyncio.sleep(0.1)
            await slow.execute(PUT_BACK, rotated.id, made["id"], old)
            ended, _ = await asyncio.wait({rotation}, timeout=5)
            assert not ended
        assert (await rotation).returncode == 0

    asyncio.run(put_back_late())
    assert rotated.desk().read(f"/patients/{made['id']}", reveal="ssn")["social_security_number"] == "900456789"


def test_a_write_is_answered_again_after_a_rotation(rotated: Org) -> None:
    """What recognized its request is forgotten with the old key; a write that happened must not seem to have failed."""
    desk, sent, key = rotated.desk(), {"first_name": "A", "last_name": "B"}, {"Idempotency-Key": "before"}
    made = desk.post("/patients", json=sent, headers=key)
    assert command("rotate-key", data_dir=rotated.house.data_dir).returncode == 0
    again = desk.post("/patients", json=sent, headers=key)
    assert (again.status_code, again.content, again.headers["idempotent-replayed"]) == (201, made.content, "true")


def test_what_recognizes_a_request_tells_nothing_of_it(rotated: Org) -> None:
    """A number has nine digits, so all of them could be tried against a digest without a key."""
    sent, key = {"base_version": 1, "social_security_number": "900456789"}, {"Idempotency-Key": "guessed"}
    made = rotated.desk().made("/patients", {"first_name": "A", "last_name": "B"})
    answer = rotated.desk().patch(f"/patients/{made['id']}", json=sent, headers=key)
    content = f"PATCH {answer.request.url.path}\n".encode() + answer.request.content

    async def stored() -> bytes:
        async with connected(rotated.house.data_dir, "superuser") as connection:
            kept = "SELECT fingerprint FROM idempotency_keys WHERE key = 'guessed'"
            return bytes(await connection.fetchval(kept))

    vault = Vault(rotated.house.data_dir / "keys.json")
    assert asyncio.run(stored()) == vault.marks(content)[0]
    elsewhere = Vault.create(rotated.house.data_dir.parent / "other.json")
    assert elsewhere.marks(content) != vault.marks(content)


def test_a_value_and_its_index_are_of_one_key(rotated: Org) -> None:
    """Else the index would be of the old key for ever, and the patient not found by it."""
    vault = Vault.create(rotated.house.data_dir.parent / "two.json")
    vault.add_key()
    sealed, index = vault.put_away("900456789", "about", rotated.id)
    assert sealed.startswith(b"k2\0")
    assert index == vault.blind(rotated.id, "900456789")[0]
    assert vault.open(sealed, "about") == "900456789"
