"""A policy says everything that is wrong with it, at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import BadParameters
from workbench.promotion import Policy, read_policy


def written(folder: Path, text: str) -> Path:
    file = folder / "policy.yaml"
    file.write_text(text)
    return file


def test_a_policy_is_read(tmp_path: Path) -> None:
    policy = read_policy(written(tmp_path, "metric: neg_log_loss\nmargin: 1\nallow_checks: [leak]\n"))
    assert policy == Policy("log_loss", 1.0, ("leak",))


@pytest.mark.parametrize("text", ["", "# nothing\n", "margin:\n"])
def test_what_is_left_out_has_its_default(tmp_path: Path, text: str) -> None:
    assert read_policy(written(tmp_path, text)) == Policy("", 0.0, ())


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = "metric: roc_acu\nmargin: much\nallow_checks: leak\nmargni: 1\n"
    with pytest.raises(BadParameters) as error:
        read_policy(written(tmp_path, text))
    assert len(error.value.problems) == 4
    for told in ("Did you mean 'roc_auc'", "'much'", "'leak'", "Did you mean 'margin'"):
        assert told in str(error.value)


@pytest.mark.parametrize("value", [".nan", ".inf", "true", "[1]", "'0.1'"])
def test_a_margin_is_a_number(tmp_path: Path, value: str) -> None:
    with pytest.raises(BadParameters, match="margin is"):
        read_policy(written(tmp_path, f"margin: {value}\n"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"- 1\n- 2\n", "no list of settings"),
        (b"margin: [1\n", "no YAML"),
        (b"\xff\xfe\x00", "no YAML"),
        (b"margin: !!python/object/apply:os.getcwd []\n", "no YAML"),
    ],
)
def test_what_is_no_policy_is_refused_in_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_bytes(content)
    with pytest.raises(BadParameters, match=told) as error:
        read_policy(file)
    assert "\n" not in str(error.value)


def test_a_policy_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match=r"none\.yaml"):
        read_policy(tmp_path / "none.yaml")
