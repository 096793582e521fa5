"""The recipe of launch/jobs/fashion_mnist.job.pbtxt in PyTorch DDP: the other side of to_accuracy.py.

One process a rank, gloo, made by it. Rank 0 prints the test accuracy after each epoch. Rows are in memory, normalized,
before the first step; a batch is an index, a flip and two copies.
"""

import argparse
import os

import h5py
import torch
import torch.distributed
from torch import nn

EPOCHS, BATCH, WARM_UP_EPOCHS, PEAK = 8, 128, 2, 0.1


def network():
    layers, channels = [], 1
    for block in ((32,), (64, 64), (128, 128)):
        for filters in block:
            layers += [nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters),
                       nn.ReLU(inplace=True)]
            channels = filters
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(128 * 3 * 3, 10))


def read(path, split, mean, deviation):
    with h5py.File(path, "r") as file:
        images = torch.from_numpy(file[f"{split}/images"][()]).permute(0, 3, 1, 2).float() / 255
        labels = torch.from_numpy(file[f"{split}/labels"][()].astype("int64"))
    mean, deviation = (mean, deviation) if mean is not None else (images.mean(), images.std())
    return (images - mean) / deviation, labels, mean, deviation


def learning_rate(step, steps_per_epoch):
    peak = WARM_UP_EPOCHS * steps_per_epoch
    last = EPOCHS * steps_per_epoch - 1
    if step < peak:
        return PEAK * step / peak
    return PEAK * (last - step) / (last - peak)


def accuracy(model, images, labels):
    rank, ranks = torch.distributed.get_rank(), torch.distributed.get_world_size()
    model.eval()
    correct = torch.zeros(1)
    with torch.no_grad():
        for begin in range(rank * 250, len(labels), 250 * ranks):
            correct += (model(images[begin:begin + 250]).argmax(1) == labels[begin:begin + 250]).sum()
    model.train()
    torch.distributed.all_reduce(correct)
    return float(correct) / len(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--layout", choices=["channels_last", "contiguous"], default="channels_last")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of the whole recipe, how many are run")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    torch.distributed.init_process_group("gloo")
    rank, ranks = torch.distributed.get_rank(), torch.distributed.get_world_size()
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[rank]})

    layout = torch.channels_last if arguments.layout == "channels_last" else torch.contiguous_format
    images, labels, mean, deviation = read(arguments.data, "train", None, None)
    test_images, test_labels, _, _ = read(arguments.data, "test", mean, deviation)
    model = nn.parallel.DistributedDataParallel(network().to(memory_format=layout), gradient_as_bucket_view=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=PEAK, momentum=0.9, nesterov=True, weight_decay=5e-4)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.1)
    steps_per_epoch = len(labels) // BATCH
    mine = BATCH // ranks
    order_of = torch.Generator().manual_seed(arguments.seed)  # the same on every rank
    for epoch in range(arguments.epochs):
        order = torch.randperm(len(labels), generator=order_of)
        for step in range(steps_per_epoch):
            rows = order[step * BATCH + rank * mine:step * BATCH + (rank + 1) * mine]
            batch = images[rows]
            flipped = torch.rand(mine) < 0.5
            batch[flipped] = batch[flipped].flip(3)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(epoch * steps_per_epoch + step, steps_per_epoch)
            optimizer.zero_grad(set_to_none=False)
            loss_of(model(batch.contiguous(memory_format=layout)), labels[rows]).backward()
            optimizer.step()
        share = accuracy(model, test_images, test_labels)
        if rank == 0:
            print(f"epoch {epoch + 1}/{EPOCHS}  test accuracy {100 * share:.2f} %", flush=True)


if __name__ == "__main__":
    main()
