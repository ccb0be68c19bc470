"""The cells of a glass-box notebook that are its own: the data, the rows, the folds, the fits, the comparison.

Each gives Python source; names in capitals are what the search settled, all others what the notebook works out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.automl.glass_box.expression import Code, call, expression
from workbench.automl.glass_box.realised import kinds_of
from workbench.automl.problem.roles import kind_of_time
from workbench.records import ColumnSchema, TableSchema

Trial = Mapping[str, Any]
LENGTHS = ("rounds", "trees", "epochs")  # what a learner may call the number of rounds it is given
EXAMPLE = "example:"
ABOUT = {
    "DATA": "the file that was learned from",
    "FILE_COLUMNS": "all that it holds, in order",
    "COLUMNS": "those that are learned from, and how their values are read",
    "KINDS": "what the encoders make of them",
    "CLASSES": "in the order of the probabilities",
    "FOLDS": "1 holds out a part once",
    "MOST_ROWS": "that a fold learns from; None: all of them",
    "DRAWN": "rows that take part at all; None: all of them",
}

SPLIT_ROWS = '''\
def split_rows(some, parts, seed):
    """Split some of the rows: pairs of training and validation rows, as positions in `frame`."""
    made = split(
        codes[some],
        parts,
        seed=seed,
        classes=len(CLASSES),
        groups=None if groups is None else groups[some],
        times=None if times is None else times[some],
        copies=None if copies is None else copies[some],
    )
    return [(some[train], some[valid]) for train, valid in made.pairs]


'''
HOLD_BACK = """\
# Rows that were held back for a last check, before anything was learned.
train, checked = held_apart(codes, {share}, classes=len(CLASSES), groups=groups, times=times, copies=copies)
if CLASSES:  # of a rare class none was held back
    enough = np.bincount(codes[train], minlength=len(CLASSES)) >= 2
    train = np.sort(np.append(train, checked[~enough[codes[checked]]]))
rows, frame, codes = rows[train], frame.iloc[train], codes[train]
groups, times, copies, weight = (
    None if each is None else each[train] for each in (groups, times, copies, weight)
)

"""
SPLIT = """\
everything = np.arange(len(frame))
folds = split_rows(sampled(everything, codes, DRAWN, classes=len(CLASSES), seed=SEED), FOLDS, SEED)
pd.DataFrame([(len(train), len(valid)) for train, valid in folds], columns=["learned from", "validated"])"""
FITTING = '''\
def kept_apart(train):
    """With a single fold, part of its training rows told when to stop, and were not learned from."""
    try:
        _, valid = split_rows(train, 1, SEED)[0]
    except BadColumn:  # too few groups or times for a second split
        return []
    return np.searchsorted(train, valid)


def fit_trial(trial, fold, train, encoded):
    """Fit one member; `encoded` remembers matrices, for members often share an encoder."""
    if trial["encoder"] not in encoded:
        encoder = trial["encoder"]()
        heavy = [] if weight is None else [weight[train]]
        encoded[trial["encoder"]] = encoder, encoder.fit_transform(frame.iloc[train], codes[train], *heavy)
    encoder, matrix = encoded[trial["encoder"]]
    places = np.arange(len(train))
    if trial["stops_by_rows"] and len(folds) == 1 and fold == 0:
        places = np.setdiff1d(places, kept_apart(train))
    known = np.arange(len(places))
    places = places[
        sampled(known, codes[train[places]], trial["most_rows"], classes=len(CLASSES), seed=SEED)
    ]
    if len(places) < len(train):
        matrix, train = matrix[places], train[places]
    learner = trial["learner"](trial["boosted"][fold])
    learner.fit(
        matrix,
        codes[train],
        weight=None if weight is None else weight[train],
        categorical=encoder.categorical_,
    )
    learner.settle(trial["rounds"][fold])
    return FoldModel(encoder, learner)


def fit(fold):
    """Fit the members on the training rows of a fold; the number after the last stands for all rows."""
    train = folds[fold][0] if fold < len(folds) else everything
    train = sampled(train, codes, MOST_ROWS, classes=len(CLASSES), seed=SEED)
    encoded = {}
    return {
        number: fit_trial(trial, fold, train, encoded)
        for number, trial in enumerate(TRIALS)
        if fold in trial["averaged"] or fold in MEASURED
    }'''
HELPERS = '''\
def restored(part, **learned):
    """Give a part of the model what it had learned."""
    for name, value in learned.items():
        setattr(part, name, value)
    return part


def unpacked(text, kind, shape):
    """Read an array that was packed as text."""
    return np.frombuffer(base64.b64decode(text), dtype=kind).reshape(shape)'''
OUT_OF_FOLD = """\
said = []
for place in PLACES:
    fold = next(number for number, (_, valid) in enumerate(folds) if place in valid)
    said.append(fitted[fold][0].predict(frame.iloc[[place]])[0])
"""


def settled(task: Mapping[str, Any], schema: TableSchema) -> str:
    """Say what the search was given and settled: file, columns, classes, folds, seed."""
    about = {**ABOUT, "CLASSES": ABOUT["CLASSES"] if task["classes"] else "none: a number is predicted"}
    told = ((name, f"{name} = {expression(value)}") for name, value in _settled(task, schema).items())
    return "\n".join(_noted(text, about.get(name)) for name, text in told)


def _settled(task: Mapping[str, Any], schema: TableSchema) -> dict[str, Any]:
    plan, features = task["plan"], [schema[name] for name in task["features"]]
    return {
        "DATA": task["data"]["source"],
        "DIGEST": task["data"]["digest"],
        "FILE_COLUMNS": [column.name for column in schema.columns],
        "COLUMNS": [{"name": column.name, "kind": column.kind, **column.coercion} for column in features],
        "KINDS": kinds_of(schema, task["features"]),
        "CLASSES": task["classes"],
        "FOLDS": plan["folds"],
        "MOST_ROWS": plan["rows"],
        "DRAWN": plan["drawn"],
        "SEED": plan["seed"],
    }


def _noted(statement: str, about: str | None) -> str:
    if about is None:
        return statement
    return f"# {about[0].upper()}{about[1:]}\n{statement}" if "\n" in statement else f"{statement}  # {about}"


def reading(task: Mapping[str, Any], schema: TableSchema) -> str:
    """Read the file as the workbench read it."""
    source, read = str(task["data"]["source"]), schema.read
    options: dict[str, Any] = {name: read[name] for name in ("delimiter", "encoding") if name in read}
    if source.startswith(EXAMPLE):
        text = Code('example().to_csv(index=False, lineterminator="\\n")')
        return f"raw = {call('from_text', {'columns': Code('FILE_COLUMNS'), 'delimiter': ','}, first=text)}\nraw.head()"
    reader = "read_parquet" if read.get("format") == "parquet" else "read_csv"
    made = call(reader, {"columns": Code("FILE_COLUMNS"), **options}, first="DATA")
    return (
        'if f"sha256:{hashlib.sha256(Path(DATA).read_bytes()).hexdigest()}" != DIGEST:\n'
        '    print("The file is not the one that was learned from: expect another model.")\n'
        f"raw = {made}\nraw.head()"
    )


def rows(task: Mapping[str, Any], schema: TableSchema) -> str:
    """Find which rows take part, and what is learned from and predicted in each."""
    target = schema[task["target"]]
    described = {"name": target.name, "kind": target.kind, "coercion": target.coercion}
    lines = [f"target = {call('SimpleNamespace', described)}"]
    if task["classes"]:
        lines += [
            "labels, missing = read_known_labels(target, raw, CLASSES)  # the only row of a class is left out, too"
        ]
    else:
        lines += ["numbers, missing = read_numbers(target, raw)"]
    lines += ["taken = ~missing", *_times(_of(schema, "time")), "rows = np.flatnonzero(taken)"]
    lines += ["frame = Coercer(COLUMNS).transform(raw).iloc[rows]"]
    lines += ["times = moments.to_numpy()[rows]" if _of(schema, "time") else "times = None"]
    if task["classes"]:
        lines += ["codes = np.array([CLASSES.index(label) for label in labels[rows].tolist()])"]
    else:
        lines += ["codes = numbers[rows]"]
    lines += [*_groups(_of(schema, "group")), *_weight(_of(schema, "weight"))]
    lines += [
        "copies = stay_together(copies_of(frame, codes))" if dealt_out(schema) else "copies = None",
        "frame.head()",
    ]
    return "\n".join(lines)


def dealt_out(schema: TableSchema) -> bool:
    """Whether rows are dealt to the folds by chance, so that copies of a row are to be kept together."""
    return not schema.named("group") and not schema.named("time")


def _of(schema: TableSchema, role: Any) -> ColumnSchema | None:
    names = schema.named(role)
    return schema[names[0]] if names else None


def _read(column: ColumnSchema, kind: str) -> str:
    own = column.coercion if column.kind == kind else {}
    described = expression({"name": column.name, "kind": kind, **own})
    return f"Coercer([{described}]).transform(raw[[{column.name!r}]])[{column.name!r}]"


def _times(column: ColumnSchema | None) -> list[str]:
    if column is None:
        return []
    return [f"moments = {_read(column, kind_of_time(column))}", "taken &= moments.notna().to_numpy()"]


def _groups(column: ColumnSchema | None) -> list[str]:
    if column is None:
        return ["groups = None"]
    plain = ColumnSchema(column.name, "category")
    return [f"groups = {_read(plain, 'category')}.fillna('(none)').to_numpy(dtype=str)[rows]"]


def _weight(column: ColumnSchema | None) -> list[str]:
    if column is None:
        return ["weight = None"]
    return [
        f"weight = {_read(column, 'number')}.to_numpy(dtype=float)[rows]",
        "weight = weight / weight.max()",
        "weight = weight / weight.mean()  # one on average",
    ]


def folds(check_share: float) -> str:
    """Split the rows as they were split; a share of them may have been held back before."""
    return f"{SPLIT_ROWS}{HOLD_BACK.format(share=check_share) if check_share else ''}{SPLIT}"


def trials(chosen: Sequence[Trial]) -> str:
    """Say how each member is made: a function for its encoder and one for its learner, and a line in a table."""
    encoders: dict[str, str] = {}  # by how they are made
    for trial in chosen:
        encoders.setdefault(_encoder(trial), f"encoder_{len(encoders) + 1}")
    parts = [_function(name, "", "Turn columns into a matrix.", made) for made, name in encoders.items()]
    parts += [_function(_name(trial), "rounds", _about(trial), _learner(trial)) for trial in chosen]
    lines = [
        {
            "learner": Code(_name(trial)),
            "encoder": Code(encoders[_encoder(trial)]),
            "weight": trial["weight"],
            "averaged": trial["averaged"],
            "boosted": trial["boosted"],
            "rounds": trial["rounds"],
            "stops_by_rows": trial["stops_by_rows"],
            "most_rows": trial["most_rows"],
        }
        for trial in chosen
    ]
    return "\n\n\n".join([*parts, f"TRIALS = {expression(lines)}"])


def _name(trial: Trial) -> str:
    name = f"{trial['family']}_{trial['number']}"
    return name if name.isidentifier() else f"trial_{trial['number']}"


def _about(trial: Trial) -> str:
    return f"Trial {trial['number']}, seed {trial['seed']}."


def _encoder(trial: Trial) -> str:
    described = trial["encoder"]
    arguments = {"kinds": Code("KINDS"), **described["arguments"]}
    return expression({"class": described["class"], "arguments": arguments}, indent=4)


def _learner(trial: Trial) -> str:
    return expression(_of_rounds(trial["learner"]), indent=4)


def _of_rounds(described: Any) -> Any:
    """Let a learner, and one within it, be given the number of its rounds."""
    if not isinstance(described, Mapping) or "class" not in described:
        return described
    arguments = {
        name: Code("rounds") if name in LENGTHS else _of_rounds(value) for name, value in described["arguments"].items()
    }
    return {"class": described["class"], "arguments": arguments}


def _function(name: str, argument: str, about: str, value: str) -> str:
    return f'def {name}({argument}):\n    """{about}"""\n    return {value}'


def model(parts: Mapping[str, Any], *, measured: bool, least: float | None) -> str:
    """Fit all and put the model together.

    Parameters
    ----------
    measured
        Whether the models of all folds are wanted, to be compared with what they predicted.
    least
        What no prediction lies below; None sets no bound.
    """
    bound = "" if least is None else f", least={least!r}"
    arguments = {
        "coercer": Code("Coercer(COLUMNS)"),
        "ensemble": Code(f'Ensemble(bags, [trial["weight"] for trial in TRIALS]{bound})'),
        "classes": Code("CLASSES"),
        **parts,
    }
    compared = "range(len(folds))" if measured else "()"
    return (
        f"MEASURED = {compared}  # folds whose models are wanted besides those that are averaged\n"
        'with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):  # one thread, as it was fitted\n'
        '    warnings.simplefilter("ignore", ConvergenceWarning)\n'
        "    fitted = [fit(fold) for fold in range(len(folds) + 1)]\n"
        'bags = [Bag([fitted[fold][number] for fold in trial["averaged"]]) for number, trial in enumerate(TRIALS)]\n'
        f"model = {call('TabularModel', arguments)}"
    )


def comparison_of_model(places: Sequence[int], predicted: Sequence[Any], classes: bool) -> str:
    """Compare with what the model predicted of a few rows when it was kept."""
    verb = "predict_proba" if classes else "predict"
    return (
        f"PLACES = {expression(list(places))}\n"
        f"PREDICTED = {expression(list(predicted))}\n"
        f"said = model.{verb}(raw.iloc[rows[PLACES]])\n" + _told()
    )


def comparison_of_trial(shown: Mapping[str, Any]) -> str:
    """Compare with what the folds' models predicted of a few rows they had not seen."""
    head = f"PLACES = {expression(shown['rows'])}\nPREDICTED = {expression(shown['predicted'])}\n"
    return head + OUT_OF_FOLD + _told()


def _told() -> str:
    return (
        "difference = float(np.abs(np.array(said) - np.array(PREDICTED)).max())\n"
        'print(f"The largest difference from the predictions that were kept is {difference:.1e}.")'
    )
