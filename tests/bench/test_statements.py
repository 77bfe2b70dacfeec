"""What is heard of a request is what its own transaction sends: what pgbench can repeat and compare with."""

from __future__ import annotations

from bench.statements import Ask, listening
from tests.house import House


async def test_a_read_is_heard_from_begin_to_commit_without_the_trail(house: House) -> None:
    org = house.org("Heard Dental")
    patient = org.desk().made("/patients", {"first_name": "Ana", "last_name": "Sample"})
    async with listening(house.data_dir, org.id) as hear:
        ask = Ask(operation="get_patient", path={"patient_uuid": patient["id"]})
        first, second = await hear(ask), await hear(ask)
    assert [call.sql.split()[0] for call in second] == ["BEGIN", "SELECT", "COMMIT"]
    assert [call.sql for call in first][-3:] == [call.sql for call in second]
    assert second[1].values == (org.id, patient["id"])
