"""Push and pull with OpenSSH's own server on this machine."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.experiment import Store, experiments, resolve, verify
from workbench.experiment.sharing.folder import Folder
from workbench.workflow import pull, push

pytest.importorskip("paramiko", reason="needs the group sftp: uv sync --group sftp")
SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(SSHD is None or shutil.which("ssh-keygen") is None, reason="needs OpenSSH's server")
CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/me.pub
PidFile {folder}/pid
StrictModes no
UsePAM no
Subsystem sftp internal-sftp
"""


@pytest.fixture
def url(tmp_path, monkeypatch, free_port, until_it_listens) -> Iterator[str]:
    folder = tmp_path / "sshd"
    folder.mkdir()
    for name in ("host", "me"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    port = free_port()
    (folder / "config").write_text(CONFIG.format(port=port, folder=folder))
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where root's server goes to be alone
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "config"], stderr=subprocess.DEVNULL)
    try:
        until_it_listens(port)
        monkeypatch.setenv("HOME", str(folder))
        (folder / ".ssh").mkdir(mode=0o700)
        shutil.copy(folder / "me", folder / ".ssh" / "id_ed25519")
        yield f"sftp://{getpass.getuser()}@127.0.0.1:{port}{tmp_path}/team folder"
    finally:
        server.terminate()
        server.wait(20)


def test_an_experiment_travels_by_sftp(keep, store, url, tmp_path, snapshot):
    kept = keep(1, outputs={"my files/a b.csv": "1", "größe €.txt": "2", "empty.txt": ""})
    push("churn", url, store=store.path)
    assert push("churn", url, store=store.path).files == 0
    team = Store(tmp_path / "team folder")
    assert [verify(one) for one in experiments(team)] == [[]]  # no hidden file is left among them
    pull(url, "churn", store=tmp_path / "elsewhere")
    assert snapshot(resolve("churn", Store(tmp_path / "elsewhere")).path) == snapshot(kept.path)


def test_what_was_broken_off_by_sftp_goes_on(keep, store, url, tmp_path, monkeypatch):
    kept = keep(1)
    put, left = Folder._put_whole, 5

    def break_off(self, file, target, sent):
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        put(self, file, target, sent)

    with monkeypatch.context() as broken:
        broken.setattr(Folder, "_put_whole", break_off)
        with pytest.raises(KeyboardInterrupt):
            push("churn", url, store=store.path)
    moved = push("churn", url, store=store.path)
    assert moved.files == len(kept.manifest["files"]) + 1 - 5
    pull(url, "churn", store=tmp_path / "elsewhere")
    assert verify(resolve("churn", Store(tmp_path / "elsewhere"))) == []
