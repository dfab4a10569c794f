"""Write optimizers.json and schedulers.json: what PyTorch's optimizers and schedulers do on a small problem.

    python tests/data/make_optim.py        (needs torch; the tests need only the two files)

The tests build their problem and their schedulers by the functions here, with this library in torch's place.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
STEPS, EPOCHS = 20, 36

OPTIMIZERS = [
    ("SGD", {}),
    ("SGD", {"lr": 0.01, "momentum": 0.9}),
    ("SGD", {"lr": 0.01, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.01, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.001, "momentum": 0.5, "maximize": True, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
    ("Adagrad", {"lr": 0.01, "eps": 0.1, "maximize": True}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 2.0, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.1}),
    ("Adadelta", {"lr": 0.5, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.02, "momentum": 0.5, "weight_decay": 0.1}),
    ("RMSprop", {"alpha": 0.9, "centered": True, "eps": 1e-2}),
    ("RMSprop", {"momentum": 0.9, "centered": True, "maximize": True}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "betas": [0.8, 0.9], "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.2, "amsgrad": True}),
    ("Adam", {"lr": 0.05, "amsgrad": True, "maximize": True, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("AdamW", {"lr": 0.1}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.3, "amsgrad": True}),
    ("AdamW", {"lr": 0.05, "maximize": True}),
    ("Adamax", {"lr": 0.1}),
    ("Adamax", {"lr": 0.05, "betas": [0.5, 0.8], "eps": 1e-2, "weight_decay": 0.1}),
    ("Adamax", {"lr": 0.05, "maximize": True}),
    ("NAdam", {"lr": 0.1}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.1, "momentum_decay": 0.1}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("NAdam", {"lr": 0.05, "betas": [0.7, 0.9], "maximize": True}),
    ("RAdam", {"lr": 0.005}),
    ("RAdam", {"lr": 0.01, "betas": [0.8, 0.9], "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.005, "weight_decay": 0.5, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.01, "maximize": True}),
    ("ASGD", {}),
    ("ASGD", {"lr": 0.02, "lambd": 0.1, "alpha": 0.5, "t0": 4.0, "weight_decay": 0.1}),
    ("ASGD", {"lr": 0.001, "maximize": True}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": [0.3, 1.5], "step_sizes": [0.05, 0.3]}),
    ("Rprop", {"maximize": True}),
    ("Adafactor", {"lr": 0.1}),
    ("Adafactor", {"lr": 0.2, "beta2_decay": -0.5, "eps": [1e-3, 1e-2], "d": 1.5, "weight_decay": 0.1}),
    ("Adafactor", {"maximize": True}),
    ("LBFGS", {"lr": 0.05, "max_iter": 3}),
    ("LBFGS", {"lr": 0.1, "max_iter": 2, "history_size": 2}),
    ("LBFGS", {"line_search_fn": "strong_wolfe", "max_iter": 1, "max_eval": 8}),
    ("LBFGS", {"line_search_fn": "strong_wolfe", "max_iter": 2, "history_size": 3, "max_eval": 4}),
]

PARTS = [
    {"scheduler": "LinearLR", "start_factor": 0.1, "total_iters": 6},
    {"scheduler": "CosineAnnealingLR", "T_max": 10},
    {"scheduler": "ExponentialLR", "gamma": 0.9},
]
NESTED = [{"scheduler": "SequentialLR", "schedulers": PARTS[:2], "milestones": [5]}, PARTS[2]]
SCHEDULERS = [
    {"scheduler": "LambdaLR", "lr_lambda": "inverse"},
    {"scheduler": "LambdaLR", "lr_lambda": ["inverse", "power"]},
    {"scheduler": "MultiplicativeLR", "lr_lambda": "inverse"},
    {"scheduler": "MultiplicativeLR", "lr_lambda": ["power", "inverse"]},
    {"scheduler": "StepLR", "step_size": 7},
    {"scheduler": "StepLR", "step_size": 1, "gamma": 0.9},
    {"scheduler": "MultiStepLR", "milestones": [3, 8, 8, 20], "gamma": 0.5},
    {"scheduler": "ConstantLR"},
    {"scheduler": "ConstantLR", "factor": 0.5, "total_iters": 12},
    {"scheduler": "LinearLR"},
    {"scheduler": "LinearLR", "start_factor": 0.8, "end_factor": 0.1, "total_iters": 20},
    {"scheduler": "ExponentialLR", "gamma": 0.9},
    {"scheduler": "PolynomialLR"},
    {"scheduler": "PolynomialLR", "total_iters": 30, "power": 2.0},
    {"scheduler": "CosineAnnealingLR", "T_max": 10},
    {"scheduler": "CosineAnnealingLR", "T_max": 7, "eta_min": 0.02},
    {"scheduler": "CosineAnnealingWarmRestarts", "T_0": 5},
    {"scheduler": "CosineAnnealingWarmRestarts", "T_0": 4, "T_mult": 2, "eta_min": 0.01},
    {"scheduler": "CyclicLR", "base_lr": 0.01, "max_lr": 0.1, "step_size_up": 5},
    {
        "scheduler": "CyclicLR",
        "base_lr": [0.01, 0.02],
        "max_lr": [0.1, 0.3],
        "step_size_up": 4,
        "step_size_down": 3,
        "mode": "triangular2",
        "base_momentum": 0.7,
        "max_momentum": 0.95,
    },
    {"scheduler": "CyclicLR", "base_lr": 0.01, "max_lr": 0.1, "step_size_up": 6, "mode": "exp_range", "gamma": 0.95},
    {"scheduler": "CyclicLR", "base_lr": 0.01, "max_lr": 0.1, "step_size_up": 5, "scale_fn": "power"},
    {
        "scheduler": "CyclicLR",
        "base_lr": 0.01,
        "max_lr": 0.1,
        "step_size_up": 5,
        "scale_fn": "power",
        "scale_mode": "iterations",
        "cycle_momentum": False,
    },
    {"scheduler": "OneCycleLR", "max_lr": 1.0, "total_steps": 40},
    {
        "scheduler": "OneCycleLR",
        "max_lr": [1.0, 0.5],
        "epochs": 4,
        "steps_per_epoch": 10,
        "anneal_strategy": "linear",
        "pct_start": 0.4,
        "div_factor": 10.0,
        "final_div_factor": 100.0,
    },
    {"scheduler": "OneCycleLR", "max_lr": 1.0, "total_steps": 40, "three_phase": True, "base_momentum": 0.8},
    {"scheduler": "OneCycleLR", "max_lr": 1.0, "total_steps": 40, "cycle_momentum": False},
    {"scheduler": "ReduceLROnPlateau", "patience": 2, "factor": 0.5},
    {"scheduler": "ReduceLROnPlateau", "patience": 1, "mode": "max", "cooldown": 2, "min_lr": [0.01, 0.3]},
    {"scheduler": "ReduceLROnPlateau", "patience": 0, "threshold": 0.5, "threshold_mode": "abs", "factor": 0.9},
    {"scheduler": "ReduceLROnPlateau", "patience": 3, "mode": "max", "threshold": 0.5, "threshold_mode": "abs"},
    {"scheduler": "SequentialLR", "schedulers": PARTS, "milestones": [6, 20]},
    {"scheduler": "SequentialLR", "schedulers": NESTED, "milestones": [15]},
    {"scheduler": "ChainedScheduler", "schedulers": [PARTS[0], PARTS[2]]},
    {"scheduler": "ChainedScheduler", "schedulers": PARTS},
    {"scheduler": "SWALR", "swa_lr": 0.05},
    {"scheduler": "SWALR", "swa_lr": [0.05, 0.2], "anneal_epochs": 15, "anneal_strategy": "linear"},
    {"scheduler": "SWALR", "swa_lr": 0.05, "anneal_epochs": 0},
]

FUNCTIONS = {"inverse": lambda t: 1 / (1 + 0.1 * t), "power": lambda t: 0.95**t}


def start(library) -> list:
    """The parameters of the problem, a vector and a number, in float64."""
    w = library.tensor([-0.7, 1.2, 0.4], dtype=library.float64, requires_grad=True)
    return [w, library.tensor(1.5, dtype=library.float64, requires_grad=True)]


def loss(params):
    """Rosenbrock's valley and a product to be fitted."""
    w, b = params
    return (1 - w[0]) ** 2 + 10 * (w[1] - w[0] ** 2) ** 2 + (w[2] * b - 1) ** 2 + 0.1 * b**4


def options(given: dict) -> dict:
    """Lists of a JSON file as the tuples they were."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}


def trajectory(optimizer, params: list, steps: int = STEPS) -> list[list[float]]:
    """The four parameters after each step."""

    def closure():
        optimizer.zero_grad()
        value = loss(params)
        value.backward()
        return value

    rows = []
    for _ in range(steps):
        optimizer.step(closure)
        rows.append([*params[0].tolist(), params[1].tolist()])
    return rows


def build(schedulers: dict, optimizer, spec: dict):
    """A scheduler from its description; parts of it are built first, and share the optimizer."""
    given = {key: value for key, value in spec.items() if key not in ("scheduler", "schedulers")}
    for key in ("lr_lambda", "scale_fn"):
        if key in given:
            names = given[key]
            given[key] = [FUNCTIONS[n] for n in names] if isinstance(names, list) else FUNCTIONS[names]
    cls = schedulers[spec["scheduler"]]
    if "schedulers" not in spec:
        return cls(optimizer, **given)
    parts = [build(schedulers, optimizer, part) for part in spec["schedulers"]]
    return cls(parts, **given) if spec["scheduler"] == "ChainedScheduler" else cls(optimizer, parts, **given)


def two_groups(library, SGD):
    """An optimizer with two groups and momentum."""
    a, b = (library.zeros(1, dtype=library.float64, requires_grad=True) for _ in range(2))
    return SGD([{"params": [a], "lr": 0.1}, {"params": [b], "lr": 0.5}], momentum=0.9)


def metric(i: int) -> float:
    """A measurement that falls, stalls and falls again."""
    return 5.0 - 0.4 * min(i, 6) - 0.2 * max(0, i - 20) + 0.01 * (i % 3)


def advance(scheduler, optimizer, i: int) -> list[float]:
    """One step; the learning rates and momenta of both groups."""
    optimizer.step()
    scheduler.step(metric(i)) if hasattr(scheduler, "num_bad_epochs") else scheduler.step()
    return observed(optimizer)


def observed(optimizer) -> list[float]:
    return [float(group[key]) for key in ("lr", "momentum") for group in optimizer.param_groups]


def main() -> None:
    """Write both files."""
    import torch
    from torch.optim import lr_scheduler, swa_utils

    found = []
    for name, given in OPTIMIZERS:
        params = start(torch)
        optimizer = getattr(torch.optim, name)(params, **options(given))
        found.append({"optimizer": name, "options": given, "steps": trajectory(optimizer, params)})
    dump("optimizers.json", found)
    classes = {**vars(lr_scheduler), "SWALR": swa_utils.SWALR}
    found = []
    warnings.simplefilter("ignore")  # SequentialLR calls a part with an epoch
    for spec in SCHEDULERS:
        optimizer = two_groups(torch, torch.optim.SGD)
        scheduler = build(classes, optimizer, spec)
        rows = [observed(optimizer), *(advance(scheduler, optimizer, i) for i in range(EPOCHS))]
        found.append({"spec": spec, "rows": rows})
    dump("schedulers.json", found)


def dump(name: str, cases: list) -> None:
    """One case a line."""
    (HERE / name).write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
