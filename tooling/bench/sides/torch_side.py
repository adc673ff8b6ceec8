"""PyTorch on the CPU: the case study's DataLoader loop, or the images as one tensor, indexed for each batch."""

import itertools
import json
import resource
import sys
import time

import torch
from torch import nn

sys.path.insert(0, json.loads(sys.argv[1])["reference"])
from trace import MODELS, split  # noqa: E402

task = json.loads(sys.argv[1])
torch.set_num_threads(task["threads"])
torch.manual_seed(0)
net = MODELS[task["model"]]()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
images, labels = split(task["data"], "train")
if task["loop"] == "DataLoader":
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(images, labels), batch_size=task["batchSize"], shuffle=True
    )


def batches():
    if task["loop"] == "DataLoader":
        return loader
    # The order that the DataLoader would draw: a base seed, then the sampler's.
    torch.empty((), dtype=torch.int64).random_()
    generator = torch.Generator()
    generator.manual_seed(int(torch.empty((), dtype=torch.int64).random_().item()))
    order = torch.randperm(len(labels), generator=generator)
    return ((images[at], labels[at]) for at in order.split(task["batchSize"]))


losses, first = [], True
all_steps = -(-len(labels) // task["batchSize"])
most = min(task.get("steps") or all_steps, all_steps)


def epoch():
    """An epoch, or the first steps of one; the seconds of a part do not include drawing the order."""
    start = time.perf_counter()
    drawn = batches()
    if most < all_steps:
        start = time.perf_counter()
    for x, y in itertools.islice(drawn, most):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        if len(losses) < 20:
            losses.append(loss.item())
    return time.perf_counter() - start


for line in sys.stdin:
    turn, untimed, timed = json.loads(line), [], []
    while not timed or sum(timed) < turn["timed"]:
        (untimed if sum(untimed) < turn["untimed"] else timed).append(epoch())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    message = {
        "secondsPerEpoch": sum(timed) / len(timed) * all_steps / most,
        "epochs": {"untimed": len(untimed), "timed": len(timed)},
        "peakBytes": peak,
    }
    if most < all_steps:
        message["steps"] = most
    print(json.dumps({**message, "losses": losses} if first else message), flush=True)
    first = False
