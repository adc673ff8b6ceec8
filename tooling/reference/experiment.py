"""An experiment of digitlab in PyTorch: its net, optimizer and schedule, and the first steps of a run (format 2 of a reference trace)."""

import torch
from torch import nn
from torch.optim import lr_scheduler as schedulers


def side(value):
    return tuple(value) if isinstance(value, list) else value


class Dropout(nn.Dropout):
    """What float32 drops, in float64 as well."""

    def forward(self, x):
        if not self.training or x.dtype == torch.float32:
            return super().forward(x)
        return x * super().forward(torch.ones_like(x, dtype=torch.float32))


class Residual(nn.Module):
    def __init__(self, layers, shortcut):
        super().__init__()
        self.layers, self.shortcut = layers, shortcut

    def forward(self, x):
        return self.layers(x) + (self.shortcut(x) if self.shortcut else x)


def module_of(layer, shape):
    """The module of a layer for inputs of a shape without the batch."""
    kind = layer["type"]
    if kind == "conv2d":
        return nn.Conv2d(shape[0], layer["out"], side(layer["kernel"]), side(layer.get("stride", 1)), side(layer.get("padding", 0)),
                         groups=layer.get("groups", 1), bias=layer.get("bias", True))
    if kind == "dense":
        return nn.Linear(shape[0], layer["out"], bias=layer.get("bias", True))
    if kind == "batchNorm":
        norm = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
        return norm(shape[0], eps=layer.get("epsilon", 1e-5), momentum=layer.get("momentum", 0.1))
    if kind == "maxPool2d":
        return nn.MaxPool2d(side(layer["size"]), side(layer.get("stride", layer["size"])), side(layer.get("padding", 0)))
    if kind == "avgPool2d":
        return nn.AvgPool2d(side(layer["size"]), side(layer.get("stride", layer["size"])))
    plain = {
        "globalAvgPool2d": lambda: nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten, "relu": nn.ReLU, "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid, "gelu": nn.GELU, "silu": nn.SiLU, "softplus": nn.Softplus,
        "elu": lambda: nn.ELU(layer.get("alpha", 1.0)), "leakyRelu": lambda: nn.LeakyReLU(layer.get("slope", 0.01)),
        "dropout": lambda: Dropout(layer.get("p", 0.5)),
    }
    if kind not in plain:
        raise SystemExit(f"trace.py knows no layer {kind}")
    return plain[kind]()


class Net(nn.Module):
    """Layers one after the other, each under its own name in the state dict."""

    def __init__(self, layers, shape):
        super().__init__()
        self.steps, self.names = [], {}
        for layer in layers:
            if layer["type"] == "residual":
                inner = Net(layer["layers"], shape)
                other = Net(layer["shortcut"], shape) if layer.get("shortcut") else None
                for net in (inner, other):
                    self.names.update(net.names if net else {})
                step = Residual(inner, other)
            else:
                step = module_of(layer, shape)
                if "name" in layer:
                    self.names[layer["name"]] = step
            self.steps.append(step)
            with torch.no_grad():  # draws nothing: in evaluation mode
                shape = tuple(step.eval()(torch.zeros(2, *shape)).shape[1:])
                step.train()
        self.modules_in_order = nn.ModuleList(self.steps)

    def forward(self, x):
        for step in self.steps:
            x = step(x)
        return x

    def named_state(self):
        return {f"{name}.{key}": value for name, module in self.names.items() for key, value in module.state_dict().items()}


def optimizer_of(options, parameters):
    o = dict(options)
    name, lr = o.pop("name"), o.pop("learningRate", None)
    renamed = {"weightDecay": "weight_decay", "epsilon": "eps", "momentumDecay": "momentum_decay",
               "decoupledWeightDecay": "decoupled_weight_decay", "learningRateDecay": "lr_decay",
               "initialAccumulatorValue": "initial_accumulator_value"}
    settings = {renamed.get(key, key): value for key, value in o.items() if key not in ("beta1", "beta2")}
    if "beta1" in o or "beta2" in o:
        settings["betas"] = (o.get("beta1", 0.9), o.get("beta2", 0.999))
    if lr is None and name == "sgd":
        lr = 0.1
    if lr is not None:
        settings["lr"] = lr
    classes = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "nadam": torch.optim.NAdam,
               "rmsprop": torch.optim.RMSprop, "adagrad": torch.optim.Adagrad, "adadelta": torch.optim.Adadelta}
    if name not in classes:
        raise SystemExit(f"trace.py knows no optimizer {name}")
    return classes[name](parameters, **settings)


def schedule_of(schedule, optimizer, total):
    """A scheduler, whose step() is called after every epoch or step; `total` of them there are."""
    if isinstance(schedule, list):
        lengths = [s.get("for", s.get("totalSteps")) for s in schedule[:-1]]
        begins = [sum(lengths[: i + 1]) for i in range(len(lengths))]
        parts = [schedule_of(s, optimizer, length) for s, length in zip(schedule, [*lengths, total - sum(lengths)])]
        return schedulers.SequentialLR(optimizer, parts, begins)
    s, name = schedule, schedule["name"]
    length = s.get("totalSteps", total)
    if name == "step":
        return schedulers.StepLR(optimizer, s["stepSize"], s.get("gamma", 0.1))
    if name == "multiStep":
        return schedulers.MultiStepLR(optimizer, s["milestones"], s.get("gamma", 0.1))
    if name == "exponential":
        return schedulers.ExponentialLR(optimizer, s["gamma"])
    if name == "linear":
        return schedulers.LinearLR(optimizer, s.get("startFactor", 1 / 3), s.get("endFactor", 1.0), length)
    if name == "cosine" and s.get("restarts"):
        return schedulers.CosineAnnealingWarmRestarts(optimizer, length, s.get("restartFactor", 1), s.get("minLearningRate", 0.0))
    if name == "cosine":
        return schedulers.CosineAnnealingLR(optimizer, length, s.get("minLearningRate", 0.0))
    if name == "oneCycle":
        return schedulers.OneCycleLR(
            optimizer, s["maxLearningRate"], total_steps=length, pct_start=float(s.get("pctStart", 0.3)),
            anneal_strategy=s.get("annealStrategy", "cos"), cycle_momentum=s.get("cycleMomentum", True),
            base_momentum=s.get("baseMomentum", 0.85), max_momentum=s.get("maxMomentum", 0.95),
            div_factor=s.get("divFactor", 25.0), final_div_factor=s.get("finalDivFactor", 1e4), three_phase=s.get("threePhase", False))
    raise SystemExit(f"trace.py knows no schedule {name} over the first steps")


def first_steps(experiment, images, labels, steps, threads, dtype=torch.float32):
    """The net and the losses and learning rates of the first steps. images: [count, 1, height, width] float, as they are.

    In float64 weights and images are those of float32, and what is drawn is the same.
    """
    torch.set_num_threads(threads)
    unsaid = [key for key in ("augment", "loss", "initial", "validation", "averageWeights") if experiment.get(key)]
    if unsaid or not isinstance(experiment["model"], dict):
        raise SystemExit(f"trace.py writes experiments with a model's definition, and without {', '.join(unsaid) or 'a name in its place'}")
    normalize = experiment.get("normalize")
    if normalize:
        images = images.sub(normalize["mean"]).div(normalize["std"])
    height, width, channels = experiment["model"]["input"]
    batch = experiment.get("batchSize", 64)
    torch.manual_seed(experiment.get("seed", 0))
    net = Net(experiment["model"]["layers"], (channels, height, width))
    initial = {name: value.clone() for name, value in net.named_state().items()}
    net.to(dtype)
    dataset = torch.utils.data.TensorDataset(images, labels)
    loader = torch.utils.data.DataLoader(dataset, batch_size=batch, shuffle=True)
    optimizer = optimizer_of(experiment.get("optimizer", {"name": "sgd"}), net.parameters())
    schedule = experiment.get("schedule")
    first = schedule[0] if isinstance(schedule, list) else schedule
    every_step = bool(first) and first.get("every", "step" if first["name"] == "oneCycle" else "epoch") == "step"
    epochs = experiment.get("epochs", 5)
    scheduler = schedule_of(schedule, optimizer, epochs * len(loader) if every_step else epochs) if schedule else None
    criterion = nn.CrossEntropyLoss(label_smoothing=experiment.get("labelSmoothing", 0.0))
    losses, rates = [], []
    while len(losses) < steps:
        for x, y in loader:
            optimizer.zero_grad()
            total = 0.0
            for xs, ys in zip(*(t.split(batch // experiment.get("accumulate", 1)) for t in (x, y))):
                loss = criterion(net(xs.to(dtype)), ys) * (len(ys) / len(y))
                loss.backward()
                total += loss.item()
            if experiment.get("clipGradNorm"):
                nn.utils.clip_grad_norm_(net.parameters(), experiment["clipGradNorm"])
            if experiment.get("clipGradValue"):
                nn.utils.clip_grad_value_(net.parameters(), experiment["clipGradValue"])
            losses.append(total)
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if scheduler and every_step:
                scheduler.step()
            if len(losses) == steps:
                break
        else:
            if scheduler and not every_step:
                scheduler.step()
    return net, initial, losses, rates


def trace(experiment, images, labels, steps, digest):
    """Format 2: on two threads, how far one thread goes another way, and the losses in float64."""
    net, initial, losses, rates = first_steps(experiment, images, labels, steps, 2)
    _, _, alone, _ = first_steps(experiment, images, labels, steps, 1)
    _, _, exact, _ = first_steps(experiment, images, labels, steps, 2, torch.float64)
    apart = [abs(a - b) for a, b in zip(losses, alone)]
    return {
        "format": "digitlab-reference-trace",
        "version": 2,
        "experiment": experiment,
        "torch": torch.__version__,
        "parameters": sum(p.numel() for p in net.parameters()),
        "initialState": {
            name: {"shape": list(value.shape), "sha256": digest(value), "first": value.flatten()[:4].tolist()}
            for name, value in initial.items()
        },
        "losses": losses,
        "learningRates": rates,
        "againstOneThread": {"losses": max(apart), "first20": max(apart[:20])},
        "float64": exact,
    }
