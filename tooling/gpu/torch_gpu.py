"""PyTorch on the same GPU: seconds of each epoch of a model, in its eager loop or with a whole step captured in a CUDA graph.

Both have the data set on the GPU, as our own run has, and take batches of it by index. In the graph the place in the order is on the
GPU too and moves on by itself, so that a step is one launch; the last batch of an epoch, which is shorter, runs eagerly.

python3 torch_gpu.py MODEL eager|graph EPOCHS FOLDER_OF_MNIST
Prints one line of JSON.
"""

import gzip
import json
import sys
import time

import numpy as np
import torch
from torch import nn

MODELS = {
    "linear": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10)),
    "two-layer": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10)),
    "cnn": lambda: nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 10),
    ),
}
BATCH = 64


def split(folder):
    read = lambda name: gzip.open(f"{folder}/{name}").read()
    images = np.frombuffer(read("train-images-idx3-ubyte.gz"), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    labels = np.frombuffer(read("train-labels-idx1-ubyte.gz"), np.uint8, offset=8)
    return torch.from_numpy(images.copy()).cuda().float() / 255, torch.from_numpy(labels.copy()).cuda().long()


def main():
    model, loop, epochs, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    images, labels = split(folder)
    net = MODELS[model]().cuda()
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
    device = torch.cuda.get_device_name()
    print(json.dumps({"torch": torch.__version__, "device": device, "secondsPerEpoch": seconds, "loss": last}))


main()
