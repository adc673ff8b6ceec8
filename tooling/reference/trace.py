#!/usr/bin/env python3
"""Writes a reference trace: one run of the case study by PyTorch itself, to check digitlab against on any seed.

    python3 tooling/reference/trace.py --model cnn --seed 7 --data MNIST_FOLDER --out cnn-seed7.json
    npx digitlab parity --reference cnn-seed7.json --data-dir MNIST_FOLDER

of any experiment, whose model is a definition, the first steps (format 2):

    python3 tooling/reference/trace.py --experiment mine.json --data MNIST_FOLDER --out mine-trace.json

Needs torch and nothing else. The README of @digitlab/train describes the format.
"""

import argparse
import gzip
import hashlib
import json
import os
import sys

try:
    import torch
    from torch import nn
except ImportError:
    sys.exit("trace.py needs PyTorch: run it with a python3 that has torch (pip install torch)")


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)

    def forward(self, x):
        return self.fc(x.flatten(1))


class TwoLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 100)
        self.fc2 = nn.Linear(100, 10)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc = nn.Linear(32 * 7 * 7, 10)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.max_pool2d(torch.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


MODELS = {"linear": Linear, "two-layer": TwoLayer, "cnn": Cnn}


def read_idx(folder, name, header):
    """The bytes after the header of an IDX file of uint8, packed or not."""
    for path, opener in ((os.path.join(folder, name + ".gz"), gzip.open), (os.path.join(folder, name), open)):
        if os.path.exists(path):
            with opener(path, "rb") as file:
                return torch.frombuffer(bytearray(file.read()[header:]), dtype=torch.uint8)
    sys.exit(f"expected {name}.gz or {name} in {folder}: name the folder of MNIST's four files with --data")


def split(folder, name):
    images = read_idx(folder, f"{name}-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28).float().div(255)
    labels = read_idx(folder, f"{name}-labels-idx1-ubyte", 8).long()
    return images, labels


class Indexed(torch.utils.data.Dataset):
    """A data set that notes the order in which it is asked for its images."""

    def __init__(self, images, labels):
        self.images, self.labels, self.order = images, labels, []

    def __len__(self):
        return len(self.labels)

    def __getitems__(self, indices):
        self.order.extend(indices)
        return self.images[indices], self.labels[indices]


def digest(tensor):
    # No numpy: the bytes of a contiguous tensor as it lies in memory, little-endian.
    return hashlib.sha256(bytes(tensor.detach().contiguous().reshape(-1).view(torch.uint8).tolist())).hexdigest()


def trace(options):
    torch.set_num_threads(options.threads)
    train = Indexed(*split(options.data, "train"))
    test_images, test_labels = split(options.data, "t10k")

    def predict(images):
        with torch.no_grad():
            return torch.cat([model(part) for part in images.split(1000)])

    torch.manual_seed(options.seed)
    model = MODELS[options.model]()
    loader = torch.utils.data.DataLoader(train, batch_size=options.batch_size, shuffle=True, collate_fn=lambda batch: batch)
    optimizer = torch.optim.SGD(model.parameters(), lr=options.learning_rate)
    criterion = nn.CrossEntropyLoss()
    result = {
        "model": options.model,
        "seed": options.seed,
        "torch": torch.__version__,
        "batchSize": options.batch_size,
        "learningRate": options.learning_rate,
        "epochs": options.epochs,
        "parameters": sum(p.numel() for p in model.parameters()),
        "initialState": {
            name: {
                "shape": list(value.shape),
                "sha256": digest(value),
                "first": value.flatten()[:4].tolist(),
                "last": value.flatten()[-2:].tolist(),
            }
            for name, value in model.state_dict().items()
        },
        "predictionsBefore": predict(test_images[:64]).argmax(1).tolist(),
        "firstIndices": [],
        "indicesSha256": [],
        "first200Losses": [],
        "epochMeanLoss": [],
        "epochLastLoss": [],
        "testAccuracy": [],
    }
    for epoch in range(options.epochs):
        train.order = []
        losses = []
        for images, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        order = torch.tensor(train.order, dtype=torch.int32)
        result["firstIndices"].append(train.order[:16])
        result["indicesSha256"].append(digest(order))
        if epoch == 0:
            result["first200Losses"] = losses[:200]
        result["epochMeanLoss"].append(sum(losses) / len(losses))
        result["epochLastLoss"].append(losses[-1])
        predicted = predict(test_images).argmax(1)
        result["testAccuracy"].append((predicted == test_labels).float().mean().item())
        print(f"epoch {epoch + 1}/{options.epochs}  loss {result['epochMeanLoss'][-1]:.4f}  test accuracy {result['testAccuracy'][-1]:.4f}", file=sys.stderr)
    result["perClassAccuracy"] = [(predicted[test_labels == c] == c).float().mean().item() for c in range(10)]
    result["predictionsAfter"] = predicted[:64].tolist()
    result["firstTestLogitsAfter"] = predict(test_images[:1])[0].tolist()
    return result


def main():
    parser = argparse.ArgumentParser(description="Writes a run of the case study by PyTorch itself.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--model", choices=MODELS)
    what.add_argument("--experiment", help="file of an experiment, or of a trace or run that holds one")
    parser.add_argument("--steps", type=int, default=100, help="of an experiment")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", default=os.environ.get("DIGITLAB_DATA"), help="folder of MNIST's four files (else DIGITLAB_DATA)")
    parser.add_argument("--out", help="file to write (else standard output)")
    options = parser.parse_args()
    if not options.data:
        parser.error("name the folder of MNIST's four files with --data or DIGITLAB_DATA")
    if options.experiment:
        import experiment as ours

        with open(options.experiment) as file:
            held = json.load(file)
        held = held.get("experiment", held)
        result = ours.trace({"dataset": "mnist", **held}, *split(options.data, "train"), options.steps, digest)
    else:
        result = trace(options)
    text = json.dumps(result, indent=1) + "\n"
    if options.out:
        with open(options.out, "x") as file:
            file.write(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
