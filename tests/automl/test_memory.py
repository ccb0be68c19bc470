"""A search stays within the memory it is given: by what it plans, measured from outside."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workbench.automl.families import LightGBM, shipped
from workbench.automl.families.base import TREES
from workbench.automl.fitting.encodings import encoder_of
from workbench.automl.planning.memory import LEARNER, Room, free, held, resident, room_for, within
from workbench.automl.search import search
from workbench.automl.searching.allowance import allowance
from workbench.automl.task import Task, task
from workbench.errors import BadParameters
from workbench.estimators.forest import RandomTrees

# A process inherits the peak its parent had when it was started, in what `getrusage` tells; `VmHWM` is its own.
SEARCHED = """
import sys
from pathlib import Path
from workbench.automl.search import search
from workbench.automl.task import task
from workbench.dataset import read_table

made = task(read_table(sys.argv[1]), "y")
result = search(made, trials=2, memory=sys.argv[2], families=["extra_trees", "linear"])
peak = 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
print(peak, result.score.value)
"""


@pytest.fixture(scope="module")
def long_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40,000 rows of 30 columns."""
    random = np.random.default_rng(0)
    values = random.normal(size=(40_000, 30)).astype(np.float32)
    frame = pd.DataFrame(values, columns=[f"x{place}" for place in range(30)])
    frame["y"] = np.where(values[:, 0] + values[:, 1] > random.normal(size=len(values)), "yes", "no")
    path = tmp_path_factory.mktemp("memory") / "long.parquet"
    frame.to_parquet(path)
    return path


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell a process's own peak")
def test_the_process_never_holds_more_than_the_limit(long_table):
    """Without a limit the search of this table takes far more: its linear models' matrices alone are 400 MB."""
    done = subprocess.run(
        [sys.executable, "-c", SEARCHED, str(long_table), "650MB"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    peak, score = map(float, done.stdout.split())
    assert peak < 650e6
    assert score > 0.8


class Left(Room):
    """A room that says how much is left of it."""

    def left(self) -> float:
        return self.limit


@pytest.fixture
def made(table, shop_table) -> Task:
    return task(table(shop_table(2_000)), "bought", ignore=["worth", "grade"])


def allowed(made: Task, limit: float, **changes):
    return allowance(made, shipped(), Left(limit, "some"), **{"folds": 5, "hands": 2, **changes})


def test_where_memory_is_plenty_nothing_is_given_up(made):
    all_of_it = allowed(made, 50e9)
    assert (all_of_it.rows, all_of_it.hands, all_of_it.trees) == (None, 2, TREES)
    assert [family.name for family in all_of_it.families] == [family.name for family in shipped()]


def test_the_less_memory_the_less_is_allowed(made):
    plans = [allowed(made, limit) for limit in (400e6, 1e9, 3e9, 50e9)]
    for less, more in itertools.pairwise(plans):
        assert (less.rows or 10**9) <= (more.rows or 10**9)
        assert less.hands <= more.hands
        assert less.cache < more.cache
        assert less.models < more.models
    assert len(plans[0].families) < len(plans[-1].families)


def test_the_first_family_is_never_left_out(made):
    assert isinstance(allowed(made, 400e6).families[0], LightGBM)


def test_processes_share_what_there_is(made):
    assert allowed(made, 8e9, shares=4).cache == pytest.approx(allowed(made, 2e9).cache)


def test_a_search_in_little_memory_encodes_rows_to_see_their_width_once_in_each_style(made, monkeypatch):
    styles = []
    monkeypatch.setattr(
        "workbench.automl.searching.allowance.encoder_of",
        lambda style, *_: styles.append(style) or encoder_of(style, *_),
    )
    monkeypatch.setattr("workbench.automl.search.room_for", lambda _: Left(220e6, "some"))
    search(made, trials=1, families=["linear", "extra_trees"])
    assert styles == ["linear", "trees"]


def test_too_little_for_anything_is_refused_in_one_line(made):
    with pytest.raises(BadParameters, match=r"^memory='100MB' is too little: [\d,]+ MB are taken") as refusal:
        search(made, trials=1, memory="100MB")
    assert "\n" not in str(refusal.value)


def test_what_the_refusal_asks_for_is_enough(made):
    with pytest.raises(BadParameters) as refusal:
        allowed(made, 1e6)
    more = float(str(refusal.value).split("needs ")[1].split(" MB")[0])
    assert allowed(made, (more + 1) * 1e6).families


def test_a_share_is_of_what_is_free_and_an_amount_of_all():
    assert room_for("3GB").limit == 3e9
    assert room_for("50%").limit == pytest.approx(resident() + 0.5 * free(), rel=0.2)
    assert room_for(None).stated == "70%"
    with pytest.raises(BadParameters, match="not an amount of memory"):
        room_for("much")


def machine(root: Path, groups: str, **files: str) -> Path:
    """Write down what a system tells of itself: ``machine(root, "0::/a", **{"sys/fs/cgroup/a/memory.max": "5"})``."""
    said = {"proc/meminfo": "MemTotal: 16000000 kB\nMemFree: 1000 kB\nMemAvailable: 8000000 kB\n"}
    for name, text in {**said, "proc/self/cgroup": groups, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


V1 = "sys/fs/cgroup/memory/docker/abc/"
CONTAINERS = {
    "no container": ("0::/\n", {}, 8_192_000_000),
    "a container that may take all": ("0::/\n", {"sys/fs/cgroup/memory.max": "max\n"}, 8_192_000_000),
    "its own group is the top": (
        "0::/far/away\n",
        {
            "sys/fs/cgroup/memory.max": "2000000000\n",
            "sys/fs/cgroup/memory.current": "1500000000\n",
            "sys/fs/cgroup/memory.stat": "anon 900000000\ninactive_file 400000000\n",
        },
        900_000_000,
    ),
    "a group within a group": (
        "0::/user/job\n",
        {
            "sys/fs/cgroup/user/memory.max": "1000000000\n",
            "sys/fs/cgroup/user/memory.current": "400000000\n",
            "sys/fs/cgroup/user/memory.stat": "anon 400000000\n",
            "sys/fs/cgroup/user/job/memory.max": "max\n",
        },
        600_000_000,
    ),
    "the first version": (
        "5:cpu:/docker/abc\n4:memory:/docker/abc\n",
        {
            f"{V1}memory.limit_in_bytes": "3000000000\n",
            f"{V1}memory.usage_in_bytes": "1000000000\n",
            f"{V1}memory.stat": "total_inactive_file 500000000\n",
        },
        2_500_000_000,
    ),
    "the first version without a limit": (
        "4:memory:/docker/abc\n",
        {f"{V1}memory.limit_in_bytes": "9223372036854771712\n"},
        8_192_000_000,
    ),
}


@pytest.mark.parametrize("case", CONTAINERS)
def test_what_is_free_is_what_the_containers_leave(tmp_path, case):
    groups, files, left = CONTAINERS[case]
    assert free(machine(tmp_path, groups, **files)) == left


@pytest.mark.parametrize("told", [None, "", "MemTotal: much\n"])
def test_a_machine_that_does_not_tell_is_shared_with_others(tmp_path, told):
    if told is not None:
        machine(tmp_path, "0::/\n", **{"proc/meminfo": told})
    assert 1e8 < free(tmp_path) < 1e15


def test_what_a_forest_holds_is_counted():
    random = np.random.default_rng(0)
    matrix, target = random.normal(size=(500, 3)), random.integers(0, 2, 500)
    few, many = (RandomTrees({}, 2, trees=trees).fit(matrix, target) for trees in (2, 20))
    assert held(vars(many)) > 5 * held(vars(few)) > 5 * 2 * 64 * 100


def sized(family: str) -> SimpleNamespace:
    """Make up a trial of one fold that holds a thousand bytes, and its learner."""
    members = (SimpleNamespace(learner=SimpleNamespace()),)
    final = SimpleNamespace(members=members)
    return SimpleNamespace(family=family, predicted=np.zeros(125), members=members, final=final)


@pytest.mark.parametrize(("fit", "left"), [(9, "aaba"), (3, "aab"), (2, "ab"), (1, "a"), (0, "a")])
def test_the_worst_trials_go_first_and_the_best_of_each_family_last(fit, left):
    ranked = [sized(family) for family in "aaba"]
    assert "".join(trial.family for trial in within(ranked, fit * (LEARNER + 1_000))) == left


def test_of_hundreds_of_columns_some_of_each_kind_tell_how_wide_a_row_becomes(table, monkeypatch):
    """To encode hundreds of names by every style took longer than a budget of 20 seconds, before the search began."""
    random = np.random.default_rng(0)
    columns = {f"n{place}": random.normal(size=60).round(3) for place in range(90)}
    columns |= {f"c{place}": random.choice(list("uvwxyz"), 60) for place in range(180)}
    made = task(table(**columns, y=["yes", "no"] * 30), "y")
    encoded: list[int] = []

    def watched(style: str, some: Task, seed: int):
        encoded.append(len(some.features))
        return encoder_of(style, some, seed)

    monkeypatch.setattr("workbench.automl.searching.allowance.encoder_of", watched)
    widths: dict[str, float] = {}
    with pytest.raises(BadParameters):
        allowance(made, [LightGBM()], Left(1e6, "1MB"), folds=1, hands=1, widths=widths)
    assert encoded
    assert max(encoded) <= 60
    whole = encoder_of("trees", made, 0).fit_transform(made.frame, made.codes).nbytes / 60
    assert widths["trees"] == pytest.approx(whole, rel=0.15)


def test_a_wide_table_is_given_as_much_as_its_few_bins_leave(table):
    """Histograms of 255 bins would take a gigabyte; of so many columns there are 31."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(300, 1_500)).round(3)).add_prefix("c")
    wide = task(table(frame.assign(y=["yes", "no"] * 150)), "y")
    plan = allowance(wide, [LightGBM()], Left(1.5e9, "some"), folds=5, hands=2)
    assert (plan.rows, plan.hands) == (None, 2)
