"""The page of schemas shows an estate that is sound, and lists the facts and fields the code has.

`SUTURE_ACCEPT=1 pytest tests/docs` writes the table of facts anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from suture.catalogue import ROW_TRANSLATORS
from suture.config import read_folder
from suture.connectors.registry import CONNECTORS
from suture.governance.estate import check
from suture.governance.schemas import CHARSETS, _ColumnTable, _SchemaFile

ROOT = Path(__file__).parents[2]
PATH = ROOT / "docs" / "reference" / "schemas.md"
FACTS = re.compile(r"(?<=\n## Facts\n\n).*?(?=\n\n[^|])", re.DOTALL)
EXAMPLE = re.compile(r"`((?:sources|schemas)/\w+\.toml)`:\n\n```toml\n(.*?)```", re.DOTALL)


def facts_table() -> str:
    rows = [
        "| `fact` | fields; those that must be told first, in bold | type |",
        "| --- | --- | --- |",
    ]
    for fact, translator in ROW_TRANSLATORS.items():
        required = [f"**`{each}`**" for each in translator.required]
        others = [f"`{each}`" for each in translator.fields if each not in translator.required]
        kinds = {
            name: [each for each, kinds in translator.fields.items() if kinds[0] == kind]
            for kind, name in (("money", "money"), ("date", "date"), ("integer", "number"))
        }
        told = "; ".join(
            f"{kind}: {', '.join(f'`{each}`' for each in fields)}"
            for kind, fields in kinds.items()
            if fields
        )
        rows.append(f"| `{fact}` | {', '.join(required + others)} | {told or 'texts and codes'} |")
    return "\n".join(rows)


def test_the_facts_on_the_page_are_those_of_the_code() -> None:
    page = PATH.read_text("utf-8")
    if os.environ.get("SUTURE_ACCEPT"):
        page = FACTS.sub(lambda _: facts_table(), page)
        PATH.write_text(page, "utf-8")
    found = FACTS.search(page)
    assert found is not None
    assert facts_table() == found[0]


def test_the_example_is_a_sound_estate() -> None:
    files = read_folder(ROOT / "estates" / "riverbend")
    written = {path: text.encode() for path, text in EXAMPLE.findall(PATH.read_text("utf-8"))}
    assert 2 == len(written)
    assert () == check(files | written, CONNECTORS)


def test_every_key_and_charset_is_on_the_page() -> None:
    page = PATH.read_text("utf-8")
    names = (*_SchemaFile.__struct_fields__, *_ColumnTable.__struct_fields__, *CHARSETS)
    told_otherwise = {"numbers", "columns", "totals"}
    assert [] == [each for each in names if f"`{each}`" not in page and each not in told_otherwise]
