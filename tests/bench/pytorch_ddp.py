"""PyTorch DDP on synthetic rows: the other side of against_pytorch.py. One process a rank, gloo, made by it.

Prints one JSON object on rank 0. The networks are those of `lockstep model ls` with the same names.
"""

import argparse
import json
import os
import resource
import time

import torch
import torch.distributed
from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, channels, filters, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, filters, 3, stride, 1, bias=False), nn.BatchNorm2d(filters), nn.ReLU(inplace=True),
            nn.Conv2d(filters, filters, 3, 1, 1, bias=False), nn.BatchNorm2d(filters))
        self.shortcut = nn.Identity()
        if channels != filters:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(self.body(x) + self.shortcut(x))


def resnet18_small(classes):
    layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    channels = 64
    for filters in (64, 128, 256, 512):
        layers += [BasicBlock(channels, filters, 1 if filters == 64 else 2), BasicBlock(filters, filters, 1)]
        channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))


def vgg16(classes):
    layers, channels = [], 3
    for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU(inplace=True)]
            channels = filters
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512 * 7 * 7, 4096), nn.ReLU(inplace=True), nn.Dropout(),
                         nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(4096, classes))


def lenet(classes):
    return nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
                         nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(64 * 7 * 7, 128), nn.ReLU(inplace=True), nn.Linear(128, classes))


MODELS = {"resnet18_small": (resnet18_small, (3, 32, 32), 10), "vgg16": (vgg16, (3, 224, 224), 1000),
          "lenet": (lenet, (1, 28, 28), 10)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--rows", type=int, required=True, help="of a rank")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--layout", choices=["channels_last", "contiguous"], default="channels_last")
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(1)
    torch.distributed.init_process_group("gloo")
    rank, ranks = torch.distributed.get_rank(), torch.distributed.get_world_size()
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[rank]})

    make, shape, classes = MODELS[arguments.model]
    layout = torch.channels_last if arguments.layout == "channels_last" else torch.contiguous_format
    network = nn.parallel.DistributedDataParallel(make(classes).to(memory_format=layout), gradient_as_bucket_view=True)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)
    loss_of = nn.CrossEntropyLoss()
    images = torch.randn(arguments.rows, *shape).contiguous(memory_format=layout)
    labels = torch.randint(classes, (arguments.rows,))

    def step():
        optimizer.zero_grad(set_to_none=False)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=arguments.precision == "bf16"):
            logits = network(images)
        loss_of(logits.float(), labels).backward()
        optimizer.step()

    for _ in range(arguments.warm_up):
        step()
    torch.distributed.barrier()
    begin = time.perf_counter()
    for _ in range(arguments.steps):
        step()
    seconds = (time.perf_counter() - begin) / arguments.steps
    resident = torch.tensor([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss])
    torch.distributed.all_reduce(resident, op=torch.distributed.ReduceOp.MAX)
    if rank == 0:
        print(json.dumps({"images_per_second": arguments.rows * ranks / seconds, "step_seconds": seconds,
                          "resident_bytes": int(resident[0]) * 1024, "version": torch.__version__}), flush=True)


if __name__ == "__main__":
    main()
