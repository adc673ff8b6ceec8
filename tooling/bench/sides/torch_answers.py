"""PyTorch on the CPU: the test images evaluated in batches of 500, or one image once, with weights from a file."""

import json
import sys
import time

import torch

task = json.loads(sys.argv[1])
sys.path.insert(0, task["reference"])
from trace import MODELS, split  # noqa: E402

torch.set_num_threads(task["threads"])
net = MODELS[task["model"]]()
net.load_state_dict(torch.load(task["weights"], weights_only=True))
net.eval()
with torch.no_grad():
    if task.get("once"):
        with open(task["picture"], "rb") as file:
            image = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).reshape(1, 1, 28, 28) / 255
        print(int(net(image).argmax(1)))
    else:
        images, labels = split(task["data"], "t10k")
        for line in sys.stdin:
            start = time.perf_counter()
            right = sum(int((net(x).argmax(1) == y).sum()) for x, y in zip(images.split(500), labels.split(500)))
            print(json.dumps({"seconds": time.perf_counter() - start, "right": right}), flush=True)
