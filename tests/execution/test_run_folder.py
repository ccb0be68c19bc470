from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from workbench.documents.files import read_json, write_json
from workbench.documents.process import boot_id, process_started, this_process
from workbench.documents.redaction import Redactor
from workbench.documents.run_folder import (
    RunFolder,
    RunRecord,
    find_stale,
    handing_over_errors,
    is_alive,
    refused,
    under_way,
)
from workbench.errors import BadColumn, WorkbenchError, as_document

SECRET = "hunter2-s3cr3t"


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


def record(**changes):
    now = datetime.now(UTC).isoformat()
    return RunRecord(**{"name": "t", "version": "v", "template": "t", "started": now, **this_process(), **changes})


def ago(seconds):
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def test_events_are_heard_in_the_order_they_were_said(folder):
    folder.say("message", text="one\ntwo\u2028three")
    folder.say("run", state="ended")
    assert [event["kind"] for event in folder.heard()] == ["message", "run"]
    assert next(folder.heard())["text"] == "one\ntwo\u2028three"


def test_a_listener_hears_only_what_is_new_and_no_half_line(folder):
    folder.say("message", text="one")
    first, offset = folder.heard_from(0)
    with folder.events.open("ab") as file:
        file.write(b'{"kind": "mess')
    assert folder.heard_from(offset) == ([], offset)
    with folder.events.open("ab") as file:
        file.write(b'age"}\n')
    assert (len(first), folder.heard_from(offset)[0]) == (1, [{"kind": "message"}])


def test_a_damaged_line_is_passed_over(folder):
    folder.events.write_bytes(b'{"kind": "tri{"kind": "run"}\n[1]\n\xff\xfe\n{"kind": "run"}\n')
    assert list(folder.heard()) == [{"kind": "run"}]


def test_a_trial_may_score_what_json_has_no_word_for(folder):
    folder.say("trial", score=float("nan"), params={"low": float("-inf"), "tags": (1.5,)})
    event = next(folder.heard())
    assert (event["score"], event["params"]) == (None, {"low": None, "tags": [1.5]})


def test_many_may_speak_at_once(folder):
    def speak(name):
        for number in range(100):
            folder.say("message", text=f"{name}{number}" * 50)

    speakers = [threading.Thread(target=speak, args=(name,)) for name in "ab"]
    for speaker in speakers:
        speaker.start()
    for speaker in speakers:
        speaker.join()
    assert len(list(folder.heard())) == 200


def test_updating_a_record_keeps_fields_of_a_later_format(folder):
    folder.write(record())
    write_json(folder.record_file, {**read_json(folder.record_file), "energy": 3})
    assert folder.update(status="completed").status == "completed"
    assert read_json(folder.record_file)["energy"] == 3


@pytest.mark.parametrize(
    ("changes", "alive"),
    [
        ({}, True),
        ({"pid_started": None}, True),
        ({"status": "completed"}, False),
        ({"pid_started": -1.0}, False),  # another process was given its number
        ({"boot_id": "another"}, False),  # the machine was started again since
        ({"host": "elsewhere", "heartbeat": 5}, True),
        ({"host": "elsewhere", "heartbeat": 600}, False),
        ({"host": "elsewhere", "started": 600}, False),
    ],
)
def test_a_runner_is_told_from_a_dead_one(changes, alive):
    since = {name: ago(value) if isinstance(value, int) else value for name, value in changes.items()}
    assert is_alive(record(**since)) is alive


def test_a_process_that_ended_is_not_alive_even_before_its_parent_notices():
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    of_child = record(pid=child.pid, pid_started=process_started(child.pid))
    assert is_alive(of_child)
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
    assert not is_alive(of_child)
    child.wait()
    assert not is_alive(of_child)


def test_stale_runs_are_found_among_those_under_way(tmp_path):
    for name, status, pid_started in [("a", "running", -1.0), ("b", "running", None), ("c", "failed", -1.0)]:
        (tmp_path / name).mkdir()
        RunFolder(tmp_path / name).write(record(status=status, pid_started=pid_started))
    (tmp_path / ".making-d").mkdir()
    RunFolder(tmp_path / ".making-d").write(record(pid_started=-1.0))
    (tmp_path / "e").mkdir()
    assert [folder.path.name for folder in under_way(tmp_path)] == ["a", "b", "c"]
    assert [folder.path.name for folder in find_stale(tmp_path)] == ["a", "c"]  # the second had ended, and was not kept
    assert find_stale(tmp_path / "none") == []


def test_an_error_before_the_first_trial_is_a_refused_request(folder):
    assert refused(folder) is None
    write_json(folder.error, {"format": 0, **as_document(BadColumn("age", "is constant", "Pick another."))})
    told = refused(folder)
    assert isinstance(told, BadColumn)
    assert str(told) == "The column 'age' is constant. Pick another."
    folder.say("trial", number=0)
    assert refused(folder) is None


def test_no_secret_is_in_a_message_or_in_the_record(tmp_path):
    folder = RunFolder(tmp_path, Redactor({"token": SECRET}))
    folder.write(record())
    folder.say("message", text=f"told {SECRET}", values=[SECRET])
    folder.update(reason=f"wrong: {SECRET}")
    written = folder.events.read_text() + folder.record_file.read_text()
    assert SECRET not in written
    assert written.count("[secret:token]") == 3


def test_a_listener_hears_no_secret_whoever_wrote_it(tmp_path):
    folder = RunFolder(tmp_path, Redactor({"token": SECRET}))
    RunFolder(tmp_path).say("message", text=f"told {SECRET}")
    assert next(folder.heard())["text"] == "told [secret:token]"


def test_an_error_that_is_handed_over_holds_no_secret(folder, monkeypatch):
    told = {"WORKBENCH_RUN": str(folder.path), "WORKBENCH_SECRETS": '{"token": "TOKEN"}', "TOKEN": SECRET}
    for name, value in told.items():
        monkeypatch.setenv(name, value)

    @handing_over_errors
    def verb():
        raise BadColumn(SECRET, "is constant")

    with pytest.raises(BadColumn):
        verb()
    assert read_json(folder.error)["message"] == "The column '[secret:token]' is constant."
    assert SECRET not in folder.error.read_text()


def test_an_error_of_an_unknown_kind_is_still_told(folder):
    write_json(folder.error, {"type": "OfALaterVersion", "arguments": [], "message": "no"})
    assert type(refused(folder)) is WorkbenchError


@pytest.mark.skipif(shutil.which("ps") is None, reason="there is no ps here")
def test_where_ps_has_to_tell_a_process_has_one_start_whatever_the_time_zone(monkeypatch):
    monkeypatch.setattr("platform.system", lambda: "another")
    starts = []
    for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        starts.append(process_started(os.getpid()))
    monkeypatch.undo()
    time.tzset()
    assert max(starts) - min(starts) <= 1  # ps reckons by two clocks that are rounded
    assert abs(starts[0] - psutil.Process().create_time()) <= 2


def test_the_runner_is_named_by_what_tells_it_from_others():
    named = this_process()
    assert (named["pid"], named["host"], named["boot_id"]) == (os.getpid(), socket.gethostname(), boot_id())
    assert process_started(2**22 + 1) is None
