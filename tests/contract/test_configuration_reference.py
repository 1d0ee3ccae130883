"""The configuration pages say what the code does."""

from pathlib import Path

from batchwright_server.config import flags
from tools import configuration_reference

DOCS = Path(__file__).parents[2] / "docs"


def test_the_configuration_reference_is_fresh() -> None:
    """Every key with its type and default, as `make generate` would write it now."""
    assert (DOCS / "configuration.md").read_text() == configuration_reference.render_reference()


def test_the_table_of_flags_is_what_the_parser_takes() -> None:
    """Each flag once, with what becomes of it."""
    page = (DOCS / "migration.md").read_text()

    assert configuration_reference.replace_flags(page) == page
    assert all(page.count(f"| `--{flag.name}` | {flag.treatment.value} |") == 1 for flag in flags.ALL)


def test_every_meaning_belongs_to_a_key() -> None:
    """A key that is gone leaves no sentence behind."""
    keys = configuration_reference.documented_keys()

    assert set(configuration_reference.MEANINGS) == keys
