"""PyTorch on the CPU: whole runs of an experiment of digitlab, a seed a turn, with the images as one tensor, indexed for each batch.

Augmented images are read from files, outside the clock; so is what is set aside looked at.
"""

import copy
import json
import os
import resource
import sys
import time

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

task = json.loads(sys.argv[1])
sys.path.insert(0, task["reference"])
from experiment import Net, optimizer_of, schedule_of  # noqa: E402
from trace import split  # noqa: E402

experiment = task["experiment"]
unsaid = [key for key in ("loss", "initial", "earlyStopping", "accumulate", "clipGradNorm", "clipGradValue")
          if experiment.get(key)]
if unsaid:
    raise SystemExit(f"ValueError: this loop knows no {', '.join(unsaid)}")
torch.set_num_threads(task["threads"])
images, labels = split(task["data"], "train")
images, labels = images[: task.get("images")], labels[: task.get("images")]
test_images, test_labels = split(task["data"], "t10k")
normalize = experiment.get("normalize", {"mean": 0.0, "std": 1.0})
batch, epochs = experiment["batchSize"], experiment["epochs"]


def normalized(images):
    return (images - normalize["mean"]) / normalize["std"]


def divided(seed):
    """Which images are trained on, and which are set aside, as torch.utils.data.random_split has it."""
    validation = experiment.get("validation", 0)
    size = validation["size"] if isinstance(validation, dict) else validation
    if isinstance(validation, dict) and validation.get("stratified"):
        raise SystemExit("ValueError: this loop does not stratify")
    aside = int(len(labels) * size) if size < 1 else size
    if aside == 0:
        return slice(None), None
    drawn = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    return drawn[:-aside], drawn[-aside:]


def augmented(seed, epoch, like):
    with open(os.path.join(task["augmented"], f"{seed}-{epoch}.bin"), "rb") as file:
        return normalized(torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).reshape(like.shape).float().div(255))


def scores(net, images, labels):
    """Mean loss and share of right ones, in evaluation mode."""
    net.eval()
    with torch.no_grad():
        found = [(net(x), y) for x, y in zip(images.split(500), labels.split(500))]
    net.train()
    loss = sum(nn.functional.cross_entropy(logits, y, reduction="sum").item() for logits, y in found)
    return loss / len(labels), sum(int((logits.argmax(1) == y).sum()) for logits, y in found) / len(labels)


def order(count):
    """The order that a DataLoader would draw: a base seed, then the sampler's."""
    torch.empty((), dtype=torch.int64).random_()
    generator = torch.Generator()
    generator.manual_seed(int(torch.empty((), dtype=torch.int64).random_().item()))
    return torch.randperm(count, generator=generator)


def run(seed):
    trained, aside = divided(seed)
    train_labels = labels[trained]
    train_images = normalized(images[trained])
    steps = -(-len(train_labels) // batch)
    torch.manual_seed(seed)
    net = Net(task["layers"], (1, *images.shape[2:]))
    averaging = experiment.get("averageWeights")
    averaged = averaging and AveragedModel(
        net, multi_avg_fn=get_ema_multi_avg_fn(averaging["decay"]), use_buffers=averaging.get("buffers", False))
    optimizer = optimizer_of(experiment["optimizer"], net.parameters())
    schedule = experiment.get("schedule")
    every_step = bool(schedule) and schedule["every"] == "step"
    scheduler = schedule_of(schedule, optimizer, epochs * steps if every_step else epochs) if schedule else None
    criterion = nn.CrossEntropyLoss(label_smoothing=experiment.get("labelSmoothing", 0.0))
    losses, seconds, best = [], 0.0, None
    for epoch in range(1, epochs + 1):
        if experiment.get("augment"):
            train_images = augmented(seed, epoch, train_images)
        start = time.perf_counter()
        for at in order(len(train_labels)).split(batch):
            optimizer.zero_grad()
            loss = criterion(net(train_images[at]), train_labels[at])
            loss.backward()
            optimizer.step()
            if averaged:
                averaged.update_parameters(net)
            if scheduler and every_step:
                scheduler.step()
            if len(losses) < 20:
                losses.append(loss.item())
        if scheduler and not every_step:
            scheduler.step()
        seconds += time.perf_counter() - start
        if aside is not None and experiment.get("keep") == "best":
            now = averaged or net
            found = scores(now, normalized(images[aside]), labels[aside])[0]
            if best is None or found < best[0]:
                best = (found, copy.deepcopy(now))
    kept = best[1] if best else averaged or net
    accuracy = scores(kept, normalized(test_images), test_labels)[1]
    return {"seed": seed, "seconds": seconds, "accuracy": accuracy, "losses": losses}


for seed, _ in enumerate(sys.stdin, task["firstSeed"]):
    message = {**run(seed), "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    print(json.dumps(message), flush=True)
