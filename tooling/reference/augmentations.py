"""Augmented images by PyTorch, which packages/train compares its own with:

    python tooling/reference/augmentations.py > packages/train/src/testing/augmentations.json

Maps are torchvision's (`_get_inverse_affine_matrix`, `_gen_affine_grid`), pixels are taken by `grid_sample`, and random numbers are those
of Philox4x32-10 in whole numbers of any size: nothing of digitlab's own code is used.
"""

import json
import math

import torch
import torch.nn.functional as F

height, width = 12, 10


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p2 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p2 >> 32) ^ c[1] ^ k[0], p2 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def stream(seed, epoch, image, place):
    block = 0
    while True:
        yield from philox([block, image, place, 0], [seed, epoch])
        block += 1


def uniform(draws, low, high):
    return low + (high - low) * next(draws) / 2**32


def inverse_matrix(angle, translate, scale, shear):
    """torchvision.transforms.functional._get_inverse_affine_matrix about [0, 0]."""
    rot, sx, sy = math.radians(angle), math.radians(shear[0]), math.radians(shear[1])
    tx, ty = translate
    a = math.cos(rot - sy) / math.cos(sy)
    b = -math.cos(rot - sy) * math.tan(sx) / math.cos(sy) - math.sin(rot)
    c = math.sin(rot - sy) / math.cos(sy)
    d = -math.sin(rot - sy) * math.tan(sx) / math.cos(sy) + math.cos(rot)
    matrix = [x / scale for x in [d, -b, 0.0, -c, a, 0.0]]
    matrix[2] += matrix[0] * -tx + matrix[1] * -ty
    matrix[5] += matrix[3] * -tx + matrix[4] * -ty
    return matrix


def affine_grid(matrix):
    """torchvision.transforms._functional_tensor._gen_affine_grid"""
    theta = torch.tensor(matrix, dtype=torch.float64).reshape(1, 2, 3)
    base = torch.empty(1, height, width, 3, dtype=torch.float64)
    base[..., 0] = torch.linspace(-width * 0.5 + 0.5, width * 0.5 - 0.5, width, dtype=torch.float64)
    base[..., 1] = torch.linspace(-height * 0.5 + 0.5, height * 0.5 - 0.5, height, dtype=torch.float64).unsqueeze(-1)
    base[..., 2] = 1
    rescaled = theta.transpose(1, 2) / torch.tensor([0.5 * width, 0.5 * height], dtype=torch.float64)
    return base.view(1, height * width, 3).bmm(rescaled).view(1, height, width, 2)


def sample(image, grid):
    return F.grid_sample(image.double()[None, None], grid, mode="bilinear", padding_mode="zeros", align_corners=False)[0, 0]


def displacement(draws, alpha, sigma):
    """Noise from -1 to 1, of 16 bits each, convolved with a Gaussian that is cut off at three sigma, times alpha."""
    bits = [next(draws) for _ in range(height * width)]
    noise = torch.tensor([[((b >> s & 0xFFFF) + 0.5) / 0x8000 - 1 for b in bits] for s in (0, 16)], dtype=torch.float64)
    reach = math.ceil(3 * sigma)
    kernel = torch.exp(-((torch.arange(-reach, reach + 1, dtype=torch.float64) / sigma) ** 2) / 2)
    kernel /= kernel.sum()
    field = noise.view(2, 1, height, width)
    field = F.conv2d(field, kernel.view(1, 1, -1, 1), padding=(reach, 0))
    return alpha * F.conv2d(field, kernel.view(1, 1, 1, -1), padding=(0, reach))[:, 0]


def pixel_grid(x, y):
    return torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)[None]


def identity():
    return torch.meshgrid(torch.arange(width).double(), torch.arange(height).double(), indexing="xy")


generator = torch.Generator().manual_seed(0)
image = torch.randint(0, 256, (height, width), generator=generator, dtype=torch.uint8)
rounded = lambda values: [round(v, 6) for v in values.flatten().tolist()]
flat = lambda values: values.flatten().tolist()

maps = []
for rotate, shift, scale, shear in [
    (0, (0, 0), 1, (0, 0)),
    (0, (1.25, -2.5), 1, (0, 0)),
    (30, (0, 0), 1, (0, 0)),
    (-90, (0, 0), 1, (0, 0)),
    (0, (0, 0), 1.3, (0, 0)),
    (0, (0, 0), 1, (20, -15)),
    (17, (1.5, 0.75), 0.85, (-8, 12)),
]:
    grid = affine_grid(inverse_matrix(rotate, shift, scale, shear))
    map = {"rotate": rotate, "shift": shift, "scale": scale, "shear": shear}
    maps.append({"map": map, "pixels": rounded(sample(image, grid))})

seed, epoch, index = 4294967290, 3, 59999
ranges = {"shift": 2, "rotate": 25, "scale": 0.2, "shear": 10}


def drawn_affine(place):
    draws = stream(seed, epoch, index, place)
    within = lambda most: uniform(draws, -most, most)
    rotate = within(ranges["rotate"])
    shift = within(ranges["shift"]), within(ranges["shift"])
    scale = 1 + within(ranges["scale"])
    return inverse_matrix(rotate, shift, scale, (within(ranges["shear"]), within(ranges["shear"])))


alpha, sigma = 20, 2.5
x, y = identity()
dx, dy = displacement(stream(seed, epoch, index, 0), alpha, sigma)
elastic = sample(image, pixel_grid(x + dx, y + dy))

# An affine map and then an elastic distortion, interpolated once: the second says where in the first one's result a pixel is.
dx, dy = displacement(stream(seed, epoch, index, 1), alpha, sigma)
m = drawn_affine(0)
cx, cy = (width - 1) / 2, (height - 1) / 2
px, py = x + dx - cx, y + dy - cy
both = sample(image, pixel_grid(m[0] * px + m[1] * py + m[2] + cx, m[3] * px + m[4] * py + m[5] + cy))

print(
    json.dumps(
        {
            "torch": torch.__version__,
            "height": height,
            "width": width,
            "image": flat(image),
            "maps": maps,
            "drawn": {
                "seed": seed,
                "epoch": epoch,
                "index": index,
                "affine": {**ranges, "pixels": rounded(sample(image, affine_grid(drawn_affine(0))))},
                "elastic": {"alpha": alpha, "sigma": sigma, "pixels": rounded(elastic)},
                "both": {"pixels": rounded(both)},
            },
        }
    )
)
