from __future__ import annotations

import pytest

from workbench.errors import BadParameters
from workbench.template import bind, gather, seal
from workbench.template.bind import injected_source

CELL = """
from workbench import Secret, Table
token: Secret = Secret("")
other: Secret = Secret("")
password: Secret = Secret("env:DB_PASSWORD")
several: list[Secret] = []
by_name: dict[str, Secret] = {}
data: Table = "here.csv"
address: str = ""
"""
PASSED = {"DB_PASSWORD": "from the system"}


@pytest.fixture
def sealed_of(parameters_of):
    def sealed(*texts: str, environment=PASSED, **api):
        return seal(gather(parameters_of(CELL), texts=texts, api=api), environment)

    return sealed


def test_a_secret_goes_to_the_environment_and_its_name_everywhere_else(sealed_of):
    sealed = sealed_of("token=hunter2")
    assert sealed.environment == {"WORKBENCH_SECRET_token": "hunter2"}
    assert sealed.shown["token"] == "[secret:token]"
    assert sealed.shown["other"] is None
    assert sealed.variables == {"token": "WORKBENCH_SECRET_token", "password": "DB_PASSWORD"}
    assert sealed.secrets == {"token": "hunter2", "password": "from the system"}
    assert "hunter2" not in repr(sealed)
    assert "hunter2" not in injected_source(sealed.bound)


def test_the_cell_gives_the_notebook_what_was_taken_out(sealed_of, notebook_of, run_cells, monkeypatch):
    sealed = sealed_of(
        "token=env:literal",
        "several=one1,two2",
        'by_name={"x": "three"}',
        "address=postgresql://me:hunter2@host/db",
        "password=@env:ELSEWHERE",
        environment={"ELSEWHERE": "moved"},
    )
    for name, value in sealed.environment.items():
        monkeypatch.setenv(name, value)
    names = run_cells(bind(notebook_of(CELL), sealed.bound))
    assert names["token"].reveal() == "env:literal"
    assert [one.reveal() for one in names["several"]] == ["one1", "two2"]
    assert names["by_name"]["x"].reveal() == "three"
    assert names["address"] == "postgresql://me:hunter2@host/db"
    assert names["password"].reveal() == "moved"
    assert names["other"].reveal() == ""


def test_a_url_is_told_without_its_password_which_is_a_secret_of_the_parameter(sealed_of):
    sealed = sealed_of("data=https://me:hunt%65r2@host/x.csv")
    assert sealed.shown["data"] == "https://***@host/x.csv"
    assert set(sealed.secrets.values()) == {"hunt%65r2", "hunter2", "from the system"}
    assert "hunt" not in injected_source(sealed.bound)


def test_a_variable_that_is_not_set_is_refused_in_one_line(sealed_of):
    with pytest.raises(BadParameters, match="'password' is read from the environment variable 'DB_PASSWORD', which is"):
        sealed_of(environment={})
    with pytest.raises(BadParameters, match="'token' is read from the environment variable 'NO_SUCH'"):
        sealed_of("token=@env:NO_SUCH")


def test_plain_values_are_sealed_as_they_are(sealed_of):
    sealed = sealed_of("address=https://host/path")
    assert sealed.bound == {"address": "https://host/path"}
    assert sealed.environment == {}
