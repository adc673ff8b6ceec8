"""Writes what PyTorch's schedules and optimizers compute, for the tests of packages/train:

    python tooling/reference/schedules-and-optimizers.py

packages/train/src/testing/torch-schedules.json: of each schedule, in the words of an experiment, the learning rates (and momentum)
of 200 units of 3 steps each; torch-optimizers.json: weights after each of 20 steps in float64.
"""
import json
import math
from pathlib import Path

import torch
from torch.optim import lr_scheduler as schedulers

folder = Path(__file__).resolve().parents[2] / "packages" / "train" / "src" / "testing"
units = 200


def weight():
    return torch.nn.Parameter(torch.tensor([0.5, -0.25, 1.5, 0.0, -2.0, 0.125], dtype=torch.float64))


def sgd(parameter):
    return torch.optim.SGD([parameter], lr=0.1, momentum=0.9)


def linear(o, total, start=1 / 3, end=1.0):
    return schedulers.LinearLR(o, start_factor=start, end_factor=end, total_iters=total)


scheduled = [
    ({"name": "step", "stepSize": 7, "gamma": 0.7}, lambda o: schedulers.StepLR(o, 7, 0.7)),
    ({"name": "multiStep", "milestones": [30, 31, 90, 90, 150], "gamma": 0.3},
     lambda o: schedulers.MultiStepLR(o, [30, 31, 90, 90, 150], 0.3)),
    ({"name": "exponential", "gamma": 0.97}, lambda o: schedulers.ExponentialLR(o, 0.97)),
    ({"name": "cosine"}, lambda o: schedulers.CosineAnnealingLR(o, units)),
    ({"name": "cosine", "totalSteps": 200, "minLearningRate": 0.003},
     lambda o: schedulers.CosineAnnealingLR(o, 200, 0.003)),
    ({"name": "cosine", "totalSteps": 40, "restarts": True}, lambda o: schedulers.CosineAnnealingWarmRestarts(o, 40)),
    ({"name": "cosine", "totalSteps": 10, "restarts": True, "restartFactor": 2, "minLearningRate": 0.001},
     lambda o: schedulers.CosineAnnealingWarmRestarts(o, 10, 2, 0.001)),
    ({"name": "linear", "totalSteps": 50, "startFactor": 0.1}, lambda o: linear(o, 50, 0.1)),
    ({"name": "linear", "totalSteps": 200, "startFactor": 1, "endFactor": 0}, lambda o: linear(o, 200, 1.0, 0.0)),
    ({"name": "oneCycle", "maxLearningRate": 0.4}, lambda o: schedulers.OneCycleLR(o, 0.4, total_steps=units)),
    ({"name": "oneCycle", "maxLearningRate": 0.4, "annealStrategy": "linear", "threePhase": True, "pctStart": 0.4},
     lambda o: schedulers.OneCycleLR(o, 0.4, total_steps=units, anneal_strategy="linear", three_phase=True, pct_start=0.4)),
    ([{"name": "linear", "totalSteps": 20, "startFactor": 0.05}, {"name": "cosine"}],
     lambda o: schedulers.SequentialLR(o, [linear(o, 20, 0.05), schedulers.CosineAnnealingLR(o, 180)], [20])),
    ([{"name": "exponential", "gamma": 0.9, "for": 15}, {"name": "step", "stepSize": 4, "gamma": 0.5, "for": 30},
      {"name": "linear", "totalSteps": 60, "startFactor": 0.2}],
     lambda o: schedulers.SequentialLR(
         o, [schedulers.ExponentialLR(o, 0.9), schedulers.StepLR(o, 4, 0.5), linear(o, 60, 0.2)], [15, 45])),
]


def noisy(epoch):
    return round(1 / (1 + epoch / 20) + 0.05 * math.sin(epoch * 1.7), 6)


plateaus = [
    {"factor": 0.5, "patience": 3},
    {"factor": 0.3, "patience": 2, "threshold": 0.01, "thresholdMode": "abs", "cooldown": 4, "minLearningRate": 0.004},
]


def rates_of(make):
    optimizer = sgd(weight())
    scheduler = make(optimizer)
    rates, momenta = [], []
    for _ in range(units):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        if len(rates) < units:
            scheduler.step()
    return rates, momenta


def write_schedules():
    found = []
    for schedule, make in scheduled:
        rates, momenta = rates_of(make)
        cycles = not isinstance(schedule, list) and schedule["name"] == "oneCycle"
        found.append({"schedule": schedule, "rates": rates, **({"momenta": momenta} if cycles else {})})
    for options in plateaus:
        optimizer = sgd(weight())
        names = {"thresholdMode": "threshold_mode", "minLearningRate": "min_lr"}
        scheduler = schedulers.ReduceLROnPlateau(optimizer, **{names.get(k, k): v for k, v in options.items()})
        rates = []
        for epoch in range(units):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step(noisy(epoch))
        schedule = {"name": "plateau", "monitor": "trainLoss", **options}
        found.append({"schedule": schedule, "rates": rates, "watched": [noisy(epoch) for epoch in range(units)]})
    return found


optimizers = [
    ({"name": "sgd", "learningRate": 0.1, "momentum": 0.9, "nesterov": True, "weightDecay": 0.01},
     lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)),
    ({"name": "sgd", "learningRate": 0.1, "momentum": 0.8, "dampening": 0.3},
     lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.8, dampening=0.3)),
    ({"name": "adam", "weightDecay": 0.1}, lambda p: torch.optim.Adam(p, weight_decay=0.1)),
    ({"name": "adamw"}, torch.optim.AdamW),
    ({"name": "adamw", "learningRate": 0.05, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "weightDecay": 0.3},
     lambda p: torch.optim.AdamW(p, lr=0.05, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.3)),
    ({"name": "nadam"}, torch.optim.NAdam),
    ({"name": "nadam", "learningRate": 0.02, "momentumDecay": 0.1, "weightDecay": 0.2, "decoupledWeightDecay": True},
     lambda p: torch.optim.NAdam(p, lr=0.02, momentum_decay=0.1, weight_decay=0.2, decoupled_weight_decay=True)),
    ({"name": "rmsprop"}, torch.optim.RMSprop),
    ({"name": "rmsprop", "alpha": 0.9, "momentum": 0.7, "centered": True, "weightDecay": 0.1},
     lambda p: torch.optim.RMSprop(p, alpha=0.9, momentum=0.7, centered=True, weight_decay=0.1)),
    ({"name": "adagrad"}, torch.optim.Adagrad),
    ({"name": "adagrad", "learningRate": 0.1, "learningRateDecay": 0.1, "initialAccumulatorValue": 0.2, "weightDecay": 0.1},
     lambda p: torch.optim.Adagrad(p, lr=0.1, lr_decay=0.1, initial_accumulator_value=0.2, weight_decay=0.1)),
    ({"name": "adadelta"}, torch.optim.Adadelta),
    ({"name": "adadelta", "learningRate": 0.5, "rho": 0.8, "epsilon": 1e-4, "weightDecay": 0.1},
     lambda p: torch.optim.Adadelta(p, lr=0.5, rho=0.8, eps=1e-4, weight_decay=0.1)),
]


def write_optimizers():
    found = []
    for options, make in optimizers:
        parameter = weight()
        optimizer = make([parameter])
        steps = []
        for step in range(1, 21):
            i = torch.arange(6, dtype=torch.float64)
            parameter.grad = torch.sin(i * 1.7 + step) / 3
            optimizer.step()
            steps.append(parameter.detach().tolist())
        found.append({"optimizer": options, "weights": [steps[0], steps[4], steps[19]]})
    return found


torch.set_default_dtype(torch.float64)
for name, entries in [("torch-schedules", write_schedules()), ("torch-optimizers", write_optimizers())]:
    lines = ",\n".join(f"  {json.dumps(entry)}" for entry in entries)
    (folder / f"{name}.json").write_text(f"[\n{lines}\n]\n")
