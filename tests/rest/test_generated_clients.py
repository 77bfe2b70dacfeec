"""Clients generated from the OpenAPI document: every list is typed, and a create needs its required fields only."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import attrs
import pytest

from chairside.app import openapi
from tests.house import House

DOCUMENT = openapi()
PACKAGE = "generated_chairside"
TOOLS = Path(__file__).parent.parent / "clients" / "node_modules" / ".bin"
MISSING = "The TypeScript tools are not installed: `make clients` does so where there is npm."
REF = "#/components/schemas/"


def lists() -> Iterator[tuple[str, str, str, str]]:
    """Of every operation that answers a list: its id and tag, the schema of the answer or '', and that of a record."""
    for item in DOCUMENT["paths"].values():
        for operation in item.values():
            content = operation["responses"].get("200", {}).get("content")
            schema = content["application/json"]["schema"] if content else {}
            if schema.get("type") == "array":
                yield operation["operationId"], operation["tags"][0], "", schema["items"]["$ref"].removeprefix(REF)
            elif re.search(r"(Page|List|Feed|FeedOut|PageOut)$", name := schema.get("$ref", "").removeprefix(REF)):
                properties = DOCUMENT["components"]["schemas"][name]["properties"]
                key = next(key for key in ("items", "data") if key in properties)
                record = properties[key]["items"]["$ref"].removeprefix(REF)
                yield operation["operationId"], operation["tags"][0], f"{name}.{key}", record


LISTS = sorted(lists())


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The document as a file."""
    file = tmp_path_factory.mktemp("document") / "openapi.json"
    file.write_text(json.dumps(DOCUMENT))
    return file


@pytest.fixture(scope="module")
def python_client(document: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a generated Python package, which can be imported."""
    top = tmp_path_factory.mktemp("python")
    config = top / "config.yml"
    config.write_text("post_hooks: []\n")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
    files = ["--path", str(document), "--output-path", str(top / PACKAGE), "--config", str(config)]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(top))
    yield top / PACKAGE
    sys.path.remove(str(top))


def test_no_type_is_named_by_a_number(python_client: Path) -> None:
    """A schema without a name becomes PatientOutGenderType1, which changes with the order of the fields."""
    text = "\n".join(file.read_text() for file in python_client.rglob("*.py"))
    names = re.findall(r"^class (\w+)", text, re.MULTILINE)
    assert len(names) > 100
    assert [name for name in names if re.search(r"Type\d|\dType", name)] == []


def test_every_list_is_typed_in_python(python_client: Path) -> None:
    """A list of anything would need a cast at each use."""
    assert len(LISTS) > 30
    models = importlib.import_module(f"{PACKAGE}.models")
    for operation, tag, place, record in LISTS:
        if place:
            name, _, key = place.partition(".")
            # The annotation as it is written, for the module defers them all.
            assert str(attrs.fields_dict(getattr(models, name))[key].type) == f"list[{record}]", place
        else:
            module = importlib.import_module(f"{PACKAGE}.api.{tag.lower().replace(' ', '_')}.{operation}")
            assert re.search(rf"list\[[\w.]*\b{record}\]", str(module.sync.__annotations__["return"])), operation


def test_a_generated_python_client_creates_and_lists(python_client: Path, house: House) -> None:
    """Two fields are enough for a patient; what comes back has types, enums among them."""
    client_module, models = (importlib.import_module(f"{PACKAGE}.{name}") for name in ("client", "models"))
    org = house.org("Generated Dental")
    client = client_module.AuthenticatedClient(base_url=house.url, token=org.token("admin"))
    create, every = (
        importlib.import_module(f"{PACKAGE}.api.patients.{name}") for name in ("create_patient", "list_patients")
    )
    body = models.CreatePatientIn(first_name="Ana", last_name="Lindqvist")
    made = create.sync(UUID(org.id), client=client, body=body)
    assert (type(made), made.status) == (models.PatientOut, models.PatientStatus.ACTIVE)
    page = every.sync(UUID(org.id), client=client, status=models.PatientStatus.ACTIVE)
    assert [patient.id for patient in page.items] == [made.id]
    again = create.sync(UUID(org.id), client=client, body=models.CreatePatientIn(first_name="", last_name="x"))
    assert (type(again), again.detail[0].loc) == (models.Error, ["body", "first_name"])


@pytest.fixture(scope="module")
def typescript(document: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the types that openapi-typescript makes of the document by its defaults."""
    if not TOOLS.exists() or shutil.which("node") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    folder = tmp_path_factory.mktemp("typescript")
    made = [str(TOOLS / "openapi-typescript"), str(document), "--output", str(folder / "chairside.ts")]
    done = subprocess.run(made, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def compiled(folder: Path, text: str) -> tuple[int, str]:
    """Status and output of `tsc --strict` on a program that uses the types."""
    (folder / "use.ts").write_text('import type { components, operations } from "./chairside";\n' + text)
    done = subprocess.run(
        [str(TOOLS / "tsc"), "--strict", "--noEmit", "use.ts"], capture_output=True, text=True, check=False, cwd=folder
    )
    return done.returncode, done.stdout + done.stderr


def test_a_create_with_two_fields_passes_tsc(typescript: Path) -> None:
    """Fields with a default may be left out; a field of a wrong type and an unknown one are seen."""
    patient = 'export const p: components["schemas"]["CreatePatientIn"] = {{ first_name: "Ana", last_name: {} }};\n'
    assert compiled(typescript, patient.format('"Lindqvist"')) == (0, "")
    for wrong in ("1", '"Lindqvist", shoe_size: 43', '"Lindqvist", status: "asleep"'):
        status, said = compiled(typescript, patient.format(wrong))
        assert (status, said.count("error TS")) == (2, 1), wrong


def test_every_list_and_every_request_passes_tsc(typescript: Path) -> None:
    """Each list is one of its records, no more and no less; each example of a request is one of its body."""
    lines = []
    for number, (operation, _, place, record) in enumerate(LISTS):
        member = f'["{place.partition(".")[2]}"]' if place else ""
        item = f'operations["{operation}"]["responses"][200]["content"]["application/json"]{member}[number]'
        schema = f'components["schemas"]["{record}"]'
        lines.append(f"export const a{number} = (x: {item}): {schema} => x;")
        lines.append(f"export const b{number} = (x: {schema}): {item} => x;")
    for item in DOCUMENT["paths"].values():
        for operation in item.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                name = content["schema"]["$ref"].removeprefix(REF)
                example = json.dumps(content["example"])
                lines.append(f'export const {operation["operationId"]}: components["schemas"]["{name}"] = {example};')
    assert compiled(typescript, "\n".join(lines)) == (0, "")
    untyped = f'export const a = (x: {item_of("list_patients")}): components["schemas"]["EmployerOut"] => x;\n'
    assert compiled(typescript, untyped)[0] == 2


def item_of(operation: str) -> str:
    return f'operations["{operation}"]["responses"][200]["content"]["application/json"]["items"][number]'


def test_the_lock_of_the_typescript_tools_names_no_host() -> None:
    """A machine with a mirror of the registry installs from there."""
    text = (TOOLS.parent.parent / "package-lock.json").read_text()
    assert '"integrity"' in text
    assert "://" not in text
    assert "resolved" not in text
