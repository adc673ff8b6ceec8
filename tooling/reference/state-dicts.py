#!/usr/bin/env python3
"""Writes the .pth files that the tests of @digitlab/weights read, with what PyTorch itself says of them.

    python3 tooling/reference/state-dicts.py --data MNIST_FOLDER --out packages/weights/test-data

linear.pth, two-layer.pth and cnn.pth are the case study's models, trained from seed 0 for one epoch; linear-legacy.pth is the
first of them in the format before zip. accuracy.json holds how many of MNIST's test images each gets right in PyTorch.
odd.pth has tiny entries of every element type that is read, with strides, offsets and a storage that two of them share;
odd.json their values. checkpoint.pth is what a training saves beside its weights, and more: an object of every kind that
torch.load(weights_only=True) takes; two-dicts.pth leaves a choice; parameters.pth holds parameters; types.pth the element
types that are no weights, and float8. Needs torch and nothing else.
"""

import argparse
import json
import os
from collections import Counter, OrderedDict

from trace import MODELS, split, torch, nn

SEED, BATCH, LEARNING_RATE = 0, 64, 0.1


def train(name, images, labels):
    torch.manual_seed(SEED)
    model = MODELS[name]()
    data = torch.utils.data.TensorDataset(images, labels)
    loader = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    for batch, target in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(batch), target).backward()
        optimizer.step()
    return model


def correct_of(model, images, labels):
    with torch.no_grad():
        predicted = torch.cat([model(part).argmax(1) for part in images.split(1000)])
    return int((predicted == labels).sum())


def odd():
    base = torch.arange(24, dtype=torch.float32).div(8)
    return OrderedDict(
        transposed=base.reshape(4, 6).t(),
        offset=base[5:11],
        stepped=base[1::5],
        expanded=base[3:4].expand(2, 3),
        scalar=torch.tensor(0.1),
        empty=torch.zeros(0, 3),
        float64=torch.tensor([0.1, -2.5, 1e-300], dtype=torch.float64),
        float16=torch.tensor([1.0, -2.0, 6e-8, 65504.0], dtype=torch.float16),
        bfloat16=torch.tensor([3.140625, -0.0078125], dtype=torch.bfloat16),
        int64=torch.tensor([0, -7, 1 << 40], dtype=torch.int64),
    )


def tiny(prefix=""):
    return OrderedDict(
        [
            (prefix + "fc.weight", torch.arange(8.0).reshape(2, 4) / 8),
            (prefix + "fc.bias", torch.tensor([0.5, -1.0])),
        ]
    )


def checkpoint():
    optimizer = {"state": {0: {"step": torch.tensor(7.0), "exp_avg": torch.zeros(2, 4)}}, "param_groups": [{"lr": 0.1, "betas": (0.9, 0.999)}]}
    return {
        "epoch": 3,
        "model": tiny("module."),
        "optimizer": optimizer,
        "rng": torch.arange(5, dtype=torch.uint8),
        "mask": torch.tensor([True, False]),
        "index": torch.tensor([1, -2], dtype=torch.int32),
        "dtype": torch.float32,
        "device": torch.device("cpu"),
        "size": torch.Size([1, 28]),
        "labels": {"a", "b"},
        "raw": b"\x00\x01",
        "counts": Counter("aab"),
        "complex": torch.zeros(2, dtype=torch.complex64),
        "sparse": torch.eye(2).to_sparse(),
        "parameter": nn.Parameter(torch.ones(2)),
        "number": 1 + 2j,
        "layout": torch.strided,
        "bytes": bytearray(b"a"),
    }


def types():
    return OrderedDict(
        float8=torch.tensor([1.0, -2.0, 448.0]).to(torch.float8_e4m3fn),
        float8b=torch.tensor([1.0, -2.0, 57344.0]).to(torch.float8_e5m2),
        uint16=torch.tensor([1, 65535], dtype=torch.uint16),
        uint8=torch.tensor([0, 255], dtype=torch.uint8),
        bool=torch.tensor([True, False]),
        int16=torch.tensor([-2, 3], dtype=torch.int16),
        int8=torch.tensor([-128, 127], dtype=torch.int8),
    )


def main():
    parser = argparse.ArgumentParser(description="Writes the .pth files that tests read.")
    parser.add_argument("--data", default=os.environ.get("DIGITLAB_DATA"), help="folder of MNIST's four files (else DIGITLAB_DATA)")
    parser.add_argument("--out", required=True, help="folder to write to")
    options = parser.parse_args()
    if not options.data:
        parser.error("name the folder of MNIST's four files with --data or DIGITLAB_DATA")
    torch.set_num_threads(1)
    images, labels = split(options.data, "train")
    test_images, test_labels = split(options.data, "t10k")
    at = lambda name: os.path.join(options.out, name)
    correct = {}
    for name in MODELS:
        model = train(name, images, labels)
        correct[name] = correct_of(model, test_images, test_labels)
        torch.save(model.state_dict(), at(f"{name}.pth"))
        if name == "linear":
            torch.save(model.state_dict(), at("linear-legacy.pth"), _use_new_zipfile_serialization=False)
    with open(at("accuracy.json"), "w") as file:
        json.dump({"torch": torch.__version__, "of": len(test_labels), "correct": correct}, file, indent=2)
        file.write("\n")
    torch.save(checkpoint(), at("checkpoint.pth"))
    torch.save({"model": tiny(), "ema": tiny("module."), "nested": {"deep": tiny()}}, at("two-dicts.pth"))
    torch.save(OrderedDict((name, nn.Parameter(value)) for name, value in tiny().items()), at("parameters.pth"))
    torch.save(types(), at("types.pth"))
    entries = odd()
    torch.save(entries, at("odd.pth"))
    torch.save(entries, at("odd-legacy.pth"), _use_new_zipfile_serialization=False)
    with open(at("odd.json"), "w") as file:
        values = {name: {"shape": list(value.shape), "data": value.float().flatten().tolist()} for name, value in entries.items()}
        json.dump(values, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
