"""Table, task and budget in; study, trials and the best model out. Optuna is the engine.

Each verb is in the module of its name (`workbench.automl.task.task`), and is taken from there: checking a request needs
the task alone, and must not wait for a tuner to load.
"""

from __future__ import annotations

import warnings

# Optuna's progress bar misses a widget library in notebooks; ours needs none.
warnings.filterwarnings("ignore", message="IProgress not found")
