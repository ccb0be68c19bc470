"""The documents tell the truth: their links lead somewhere, and they name commands and parameters that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(path for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")] if ".venv" not in path.parts)
each = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


@each
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)", path.read_text()):
        if "://" not in link:
            assert (path.parent / link).exists(), link


@each
def test_commands_exist_with_the_options_they_are_shown_with(path: Path) -> None:
    from workbench.cli.commands import workbench

    for line in re.findall(r"(?:^|`)(?:\.venv/bin/)?workbench ([a-z].*?)(?:`|$)", path.read_text(), re.MULTILINE):
        name, *rest = line.split("#")[0].split()
        command = workbench.commands.get(name)
        assert command is not None, line
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        used = {word for word in rest if re.fullmatch(r"--?[a-z][a-z-]*", word)}
        assert used <= known, line


def test_every_command_is_in_the_reference() -> None:
    from workbench.cli.commands import workbench

    reference = (ROOT / "docs" / "reference" / "commands.md").read_text()
    for name, command in workbench.commands.items():
        assert f"workbench {name}" in reference
        for parameter in command.params:
            for option in parameter.opts:
                assert not option.startswith("--") or option in reference, (name, option)
