"""PyTorch on the CPU: whole runs of an experiment of digitlab, a seed a turn, with the images as one tensor, indexed for each batch."""

import json
import resource
import sys
import time

import torch
from torch import nn

task = json.loads(sys.argv[1])
sys.path.insert(0, task["reference"])
from experiment import Net, optimizer_of, schedule_of  # noqa: E402
from trace import split  # noqa: E402

experiment = task["experiment"]
unsaid = [key for key in ("augment", "loss", "initial", "validation", "averageWeights", "accumulate", "clipGradNorm", "clipGradValue")
          if experiment.get(key)]
if unsaid:
    raise SystemExit(f"ValueError: this loop knows no {', '.join(unsaid)}")
torch.set_num_threads(task["threads"])
images, labels = split(task["data"], "train")
images, labels = images[: task.get("images")], labels[: task.get("images")]
test_images, test_labels = split(task["data"], "t10k")
normalize = experiment.get("normalize", {"mean": 0.0, "std": 1.0})
images, test_images = ((each - normalize["mean"]) / normalize["std"] for each in (images, test_images))
batch, epochs = experiment["batchSize"], experiment["epochs"]
steps = -(-len(labels) // batch)


def order():
    """The order that a DataLoader would draw: a base seed, then the sampler's."""
    torch.empty((), dtype=torch.int64).random_()
    generator = torch.Generator()
    generator.manual_seed(int(torch.empty((), dtype=torch.int64).random_().item()))
    return torch.randperm(len(labels), generator=generator)


def run(seed):
    torch.manual_seed(seed)
    net = Net(task["layers"], (1, *images.shape[2:]))
    optimizer = optimizer_of(experiment["optimizer"], net.parameters())
    schedule = experiment.get("schedule")
    every_step = bool(schedule) and schedule["every"] == "step"
    scheduler = schedule_of(schedule, optimizer, epochs * steps if every_step else epochs) if schedule else None
    criterion = nn.CrossEntropyLoss(label_smoothing=experiment.get("labelSmoothing", 0.0))
    losses = []
    start = time.perf_counter()
    for _ in range(epochs):
        drawn = order()
        for at in drawn.split(batch):
            optimizer.zero_grad()
            loss = criterion(net(images[at]), labels[at])
            loss.backward()
            optimizer.step()
            if scheduler and every_step:
                scheduler.step()
            if len(losses) < 20:
                losses.append(loss.item())
        if scheduler and not every_step:
            scheduler.step()
    seconds = time.perf_counter() - start
    net.eval()
    with torch.no_grad():
        right = sum(int((net(x).argmax(1) == y).sum()) for x, y in zip(test_images.split(500), test_labels.split(500)))
    return {"seed": seed, "seconds": seconds, "accuracy": right / len(test_labels), "losses": losses}


for seed, _ in enumerate(sys.stdin, task["firstSeed"]):
    message = {**run(seed), "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    print(json.dumps(message), flush=True)
