"""PyTorch on the same GPU: seconds of each epoch of models, in its eager loop and with a whole step captured in a CUDA graph.

Both have the data set on the GPU, as our own run has, and take batches of it by index. In the graph the place in the order is on the
GPU too and moves on by itself, so that a step is one launch; the last batch of an epoch, which is shorter, runs eagerly.

python3 torch_gpu.py "MODEL ..." EPOCHS FOLDER_OF_MNIST MODELS_JSON
Prints a line of JSON for each model in each loop.
"""

import gzip
import json
import sys
import time

import numpy as np
import torch
from torch import nn

from experiment import Net

BATCH = 64


def split(folder):
    read = lambda name: gzip.open(f"{folder}/{name}").read()
    images = np.frombuffer(read("train-images-idx3-ubyte.gz"), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    labels = np.frombuffer(read("train-labels-idx1-ubyte.gz"), np.uint8, offset=8)
    return torch.from_numpy(images.copy()).cuda().float() / 255, torch.from_numpy(labels.copy()).cuda().long()


def train(layers, loop, epochs, images, labels):
    torch.manual_seed(0)
    net = Net(layers, (1, 28, 28)).cuda().train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    whole = len(labels) // BATCH
    order = torch.randperm(len(labels)).cuda()

    def step(at):
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(net(images[at]), labels[at])
        loss.backward()
        optimizer.step()
        return loss.detach()

    if loop == "graph":
        batches = order[: whole * BATCH].view(whole, BATCH).clone()
        place = torch.zeros(1, dtype=torch.int64, device="cuda")
        losses = torch.zeros(whole, device="cuda")

        def captured():
            loss = step(batches.index_select(0, place).view(BATCH))
            losses.index_copy_(0, place, loss.view(1))
            place.add_(1).remainder_(whole)

        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                captured()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(graph):
            captured()

    seconds, last = [], 0.0
    for _ in range(epochs):
        torch.cuda.synchronize()
        start = time.perf_counter()
        order = torch.randperm(len(labels)).cuda()
        if loop == "graph":
            batches.copy_(order[: whole * BATCH].view(whole, BATCH))
            place.zero_()
            for _ in range(whole):
                graph.replay()
            tail = step(order[whole * BATCH :])
            last = float(torch.cat([losses, tail.view(1)]).mean())
        else:
            epoch_losses = [step(at) for at in order.split(BATCH)]
            last = float(torch.stack(epoch_losses).mean())
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return {"secondsPerEpoch": seconds, "loss": last}


def main():
    names, epochs, folder, definitions = sys.argv[1].split(), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    with open(definitions, encoding="utf8") as file:
        models = json.load(file)
    images, labels = split(folder)
    torch_is = {"torch": torch.__version__, "device": torch.cuda.get_device_name()}
    for loop in ("graph", "eager"):
        for name in names:
            try:
                print(json.dumps({**torch_is, "model": name, "loop": loop, **train(models[name], loop, epochs, images, labels)}), flush=True)
            except RuntimeError as error:
                print(f"{name}, {loop}: {error}", file=sys.stderr)


main()
