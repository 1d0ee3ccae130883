"""Commands that pages and workflows show, as somebody would paste them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PAGES = (*ROOT.glob("*.md"), *sorted((ROOT / "docs").glob("*.md")), *(ROOT / "charts").rglob("*.md"))
WORKFLOWS = tuple(sorted((ROOT / ".github" / "workflows").glob("*.yml")))
_BLOCK = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_SHELLS = ("", "sh", "bash", "console")
_INLINE = re.compile(r"`(make [a-z0-9-]+)[^`]*`")
_ENDS = re.compile(r"\s(?:\||>|&&|;)\s")


@dataclass(frozen=True)
class Pasted:
    """One command: the file that shows it, and its words."""

    file: str
    words: tuple[str, ...]

    @property
    def program(self) -> str:
        """The program's name, without a folder."""
        return self.words[0].rpartition("/")[2]

    @property
    def flags(self) -> tuple[str, ...]:
        """Its options, without their values."""
        return tuple(word.partition("=")[0] for word in self.words[1:] if re.match(r"--?[a-zA-Z]", word))

    def __str__(self) -> str:
        return f"{self.file}: {' '.join(self.words)}"


def of_pages() -> Iterator[Pasted]:
    """Every command of the pages, those of one line in their text only for `make`."""
    for page in PAGES:
        text, name = page.read_text(), str(page.relative_to(ROOT))
        for language, block in _BLOCK.findall(text):
            if language in _SHELLS:
                yield from _of_lines(name, block)
        for command in _INLINE.findall(_BLOCK.sub("", text)):
            yield Pasted(name, tuple(command.split()))


def of_workflows() -> Iterator[Pasted]:
    """Every command of every `run:` step."""
    for file in WORKFLOWS:
        jobs = yaml.safe_load(file.read_text())["jobs"].values()
        for step in (step for job in jobs for step in job.get("steps", ())):
            yield from _of_lines(file.name, step.get("run", ""))


def _of_lines(name: str, text: str) -> Iterator[Pasted]:
    for line in text.replace("\\\n", " ").splitlines():
        for command in _ENDS.split(line):
            try:
                words = shlex.split(command, comments=True)
            except ValueError:  # no command, but what one prints
                continue
            if words:
                yield Pasted(name, tuple(words))
