"""The README keeps what it says: its verbs, options, variables, targets and links exist, and no variable is kept
from its reader."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from lib.cli import app
from lib.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = ("lib", "pages", "streamlit_app.py")
VARIABLE = re.compile(r"\bATLAS_[A-Z_]*[A-Z]\b")
# Set by the launcher for what it starts, and by nobody else.
INTERNAL = {"ATLAS_OWNED"}
# lib.launch reads one for each option of the sandbox's command line, by this pattern.
SANDBOX_OPTIONS = {f"ATLAS_SANDBOX_{option}" for option in ("SPEED", "SEED", "SCENARIO")}


def commands() -> list[str]:
    """What stands behind `./atlas` anywhere in the text, up to the end of the command."""
    found = re.findall(r"\./atlas ([^`\n|;#)]+)", README)
    return sorted({text.strip().rstrip('"') if text.count('"') % 2 else text.strip() for text in found})


def modules() -> list[Path]:
    paths = [ROOT / name for name in CODE]
    return [p for path in paths for p in ([path] if path.is_file() else sorted(path.rglob("*.py")))]


def read_by_code() -> set[str]:
    """Fields of Settings, and names in the code that something is looked up by."""
    fields = {f"ATLAS_{name.upper()}" for name in Settings.model_fields}
    lookup = re.compile(r'(?:environ\.get\(|environ\[|getenv\(|= )"(ATLAS_[A-Z_]+)"')
    named = {name for path in modules() for name in lookup.findall(path.read_text(encoding="utf-8"))}
    return (fields | named | SANDBOX_OPTIONS) - INTERNAL


def test_there_is_something_to_check():
    assert len(commands()) >= 8
    assert len(read_by_code()) >= 15


@pytest.mark.parametrize("text", commands())
def test_every_verb_and_option_of_the_readme_exists(text):
    words = shlex.split(text)
    command = get_command(app)
    while words and (below := getattr(command, "commands", {}).get(words[0])):
        command, words = below, words[1:]
    assert not getattr(command, "commands", None), f"{text!r} ends before its verb"
    known = {option for parameter in command.params for option in parameter.opts}
    asked = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert asked <= known


def test_every_variable_of_the_readme_is_read_by_code_and_every_one_read_is_in_the_readme():
    assert set(VARIABLE.findall(README)) == read_by_code()


def test_the_launcher_reads_the_variables_of_the_sandboxs_options():
    text = (ROOT / "lib" / "launch" / "__init__.py").read_text(encoding="utf-8")
    assert 'f"ATLAS_SANDBOX_{option.upper()}"' in text
    assert 'for option in ("speed", "seed", "scenario")' in text


def test_every_make_target_of_the_readme_exists():
    rules = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)`", README, re.MULTILINE)):
        assert re.search(rf"^{''.join(target)}:", rules, re.MULTILINE), target


def test_every_file_that_the_readme_links_or_names_is_there():
    linked = re.findall(r"\]\(([^)#:]+)\)", README)
    named = re.findall(
        r"`((?:lib|pages|manifests|tests|docs|\.streamlit)/[\w./-]*|streamlit_app\.py)`", README
    )
    assert linked
    assert [name for name in (*linked, *named) if not (ROOT / name).exists()] == []
