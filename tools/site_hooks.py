"""What the site takes from outside docs/: the chart's page. MkDocs calls these by their names."""

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_CHART = "charts/batchwright/README.md"


def on_files(files: Files, config: Any) -> Files:
    """The chart's page under a name of its own."""
    text = (Path(config["config_file_path"]).parent / _CHART).read_text("utf-8")
    files.append(File.generated(config, "chart.md", content=text.replace("](../../docs/", "](")))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to it lead there."""
    return markdown.replace(f"](../{_CHART}", "](chart.md")
