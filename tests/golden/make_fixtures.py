#!/usr/bin/python3
"""Makes *.fixture: what PyTorch computes, for golden tests of Lockstep. README.md says how to run it."""
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch.optim import lr_scheduler as lrs
from torch.optim.swa_utils import AveragedModel

import loss_fixtures
from fixture import SMOOTHING, STEPS, float32, write_fixture

torch.manual_seed(20240229)
ROWS, CHANNELS, HEIGHT, WIDTH, CLASSES = 12, 3, 18, 15, 7
L1_DECAY = 0.2
STEPS_OF_AN_EPOCH, SCHEDULE_STEPS, WARM_UP_STEPS = 5, 41, 10


class Network:
    """network.model.pbtxt in PyTorch, with the parameters named as Lockstep names them."""

    def __init__(self):
        self.parameters, self.buffers = {}, {}
        self.convolution("stem", 8, CHANNELS, 3, 3, bias=False)
        self.batch_norm("stem_norm", 8)
        self.convolution("grouped", 16, 2, 3, 5)
        self.convolution("block/dilated", 24, 16, 3, 3, bias=False)
        self.batch_norm("block/dilated_norm", 24)
        self.convolution("block/last", 24, 24, 3, 3, bias=False)
        self.batch_norm("block/last_norm", 24)
        self.convolution("block/projection", 24, 16, 1, 1)
        self.convolution("mixed", 20, 24, 2, 2)
        self.dense("hidden", 18, 20)
        self.dense("classes", CLASSES, 18)

    def add(self, name, tensor):
        self.parameters[name] = float32(tensor).requires_grad_()

    def convolution(self, name, filters, inputs, height, width, bias=True):
        self.add(name + "/weights", torch.randn(filters, inputs, height, width) * math.sqrt(2 / (inputs * height * width)))
        if bias:
            self.add(name + "/bias", torch.randn(filters) * 0.1)

    def dense(self, name, units, inputs):
        self.add(name + "/weights", torch.randn(units, inputs) * math.sqrt(2 / inputs))
        self.add(name + "/bias", torch.randn(units) * 0.1)

    def batch_norm(self, name, channels):
        self.add(name + "/scale", 1 + 0.2 * torch.randn(channels))
        self.add(name + "/shift", 0.2 * torch.randn(channels))
        self.buffers[name + "/running_mean"] = torch.zeros(channels)
        self.buffers[name + "/running_variance"] = torch.ones(channels)

    def normalize(self, name, x, training, epsilon=1e-5, momentum=0.1):
        return F.batch_norm(x, self.buffers[name + "/running_mean"], self.buffers[name + "/running_variance"],
                            self.parameters[name + "/scale"], self.parameters[name + "/shift"], training, momentum,
                            epsilon)

    def forward(self, x, training):
        p = self.parameters
        x = F.conv2d(x, p["stem/weights"], padding=1)
        x = F.relu(self.normalize("stem_norm", x, training))
        # SAME with stride 2 on an even height: one row of zeros, below the image.
        x = F.conv2d(F.pad(x, (2, 2, 0, 1)), p["grouped/weights"], p["grouped/bias"], stride=(2, 1), groups=4)
        x = F.max_pool2d(F.relu(x), 3, stride=2, padding=1)
        y = F.conv2d(x, p["block/dilated/weights"], padding=2, dilation=2)
        y = F.relu(self.normalize("block/dilated_norm", y, training, momentum=0.3))
        y = F.conv2d(y, p["block/last/weights"], padding=1)
        y = self.normalize("block/last_norm", y, training, epsilon=1e-3)
        x = F.relu(y + F.conv2d(x, p["block/projection/weights"], p["block/projection/bias"]))
        x = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
        x = torch.tanh(F.conv2d(x, p["mixed/weights"], p["mixed/bias"], padding=1))
        x = torch.sigmoid(F.linear(x.mean((2, 3)), p["hidden/weights"], p["hidden/bias"]))
        return F.linear(x, p["classes/weights"], p["classes/bias"])

    def train(self, images, labels):
        """Loss summed over rows; gradients of its mean are left in the parameters."""
        for parameter in self.parameters.values():
            parameter.grad = None
        loss = F.cross_entropy(self.forward(images, True), labels, reduction="sum", label_smoothing=SMOOTHING)
        (loss / len(labels)).backward()
        return loss

    def groups(self, weight_decay):
        """Weight decay acts on weights alone."""
        weights = [p for name, p in self.parameters.items() if name.endswith("/weights")]
        others = [p for name, p in self.parameters.items() if not name.endswith("/weights")]
        return [{"params": weights, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0}]


def train_ten_steps(prefix, make_optimizer, arrays):
    """Ten steps from the initial values in `arrays`; the labels move on by one row at each."""
    network = Network()
    for name in network.parameters:
        network.parameters[name] = arrays["initial/" + name].clone().detach().requires_grad_()
    optimizer = make_optimizer(network.groups(weight_decay=0.01))
    losses = []
    for step in range(STEPS):
        loss = network.train(arrays["images"], torch.roll(arrays["labels"].long(), step))
        losses.append(loss.item())
        if step == 0:
            arrays.setdefault("loss_sum", loss)
            for name, parameter in network.parameters.items():
                arrays.setdefault("gradients/" + name, parameter.grad.clone())
        optimizer.step()
    arrays[prefix + "/loss_sums"] = np.array(losses)
    for name, parameter in network.parameters.items():
        arrays[f"{prefix}/{name}"] = parameter
    for name, buffer in network.buffers.items():
        arrays[f"{prefix}/{name}"] = buffer
    arrays[prefix + "/logits"] = network.forward(arrays["images"], False)


def make_network_fixture():
    network = Network()
    arrays = {"images": float32(torch.randn(ROWS, CHANNELS, HEIGHT, WIDTH)), "labels": torch.arange(ROWS) * 5 % CLASSES}
    for name, parameter in network.parameters.items():
        arrays["initial/" + name] = parameter
    arrays["logits"] = network.forward(arrays["images"], False)
    train_ten_steps("sgd", lambda groups: torch.optim.SGD(groups, lr=0.05, momentum=0.9, nesterov=True), arrays)
    train_ten_steps("adam", lambda groups: torch.optim.Adam(groups, lr=0.002), arrays)
    write_fixture("network.fixture", arrays)


def make_optimizer_fixture():
    """Ten steps of each optimizer on given gradients: no network in between."""
    arrays = {"initial": float32(torch.randn(50)), "gradients": float32(torch.randn(STEPS, 50))}
    optimizers = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
        "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
        "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
        "adam": lambda p: torch.optim.Adam(p, lr=0.01),
        "adam_with_options": lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.8, 0.99), eps=1e-3, weight_decay=0.1),
        "adam_w": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.5),
        "adam_w_with_options": lambda p: torch.optim.AdamW(p, lr=0.01, betas=(0.8, 0.99), eps=1e-3, weight_decay=1),
        "adam_w_with_l1": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.5),
        "rms_prop": lambda p: torch.optim.RMSprop(p, lr=0.01),
        "rms_prop_with_options": lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9, eps=1e-3, weight_decay=0.1),
        "rms_prop_with_momentum": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.9, weight_decay=0.1),
        "rms_prop_centered": lambda p: torch.optim.RMSprop(p, lr=0.01, centered=True),
        "rms_prop_of_all": lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9, eps=1e-3, weight_decay=0.1,
                                                         momentum=0.9, centered=True),
        "rms_prop_with_l1": lambda p: torch.optim.RMSprop(p, lr=0.01),
        "nesterov_with_l1": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
        "adam_with_l1": lambda p: torch.optim.Adam(p, lr=0.01),
    }
    for name, make in optimizers.items():
        parameter = arrays["initial"].clone().requires_grad_()
        optimizer = make([parameter])
        for step in range(STEPS):
            parameter.grad = arrays["gradients"][step].clone()
            if name.endswith("_with_l1"):
                (L1_DECAY * parameter.abs().sum()).backward()
            optimizer.step()
        arrays["after/" + name] = parameter
    write_fixture("optimizer.fixture", arrays)


def in_parallel(*makers):
    return lambda optimizer: lrs.ChainedScheduler([make(optimizer) for make in makers])


def after_warm_up(make):
    return lambda optimizer: lrs.SequentialLR(optimizer, [warm_up(optimizer), make(optimizer)], [WARM_UP_STEPS])


def warm_up(optimizer):
    return lrs.LinearLR(optimizer, 1 / WARM_UP_STEPS, 1, WARM_UP_STEPS - 1)


def rates_of(make, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.8)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(rates)


def make_schedule_fixture():
    """The rate of each step; schedulers of epochs are told of each step, with epochs in steps."""
    last = SCHEDULE_STEPS - 1

    def exponential(optimizer):
        return lrs.ExponentialLR(optimizer, 0.5 ** (1 / STEPS_OF_AN_EPOCH))

    def multi_step(optimizer):
        return lrs.MultiStepLR(optimizer, [round(epoch * STEPS_OF_AN_EPOCH) for epoch in (1, 3.4, 6)], 0.3)

    def polynomial(optimizer, power=2, steps=last):
        return lrs.PolynomialLR(optimizer, steps, power)

    schedules = {
        "exponential": exponential,
        "exponential_with_warm_up": in_parallel(warm_up, exponential),
        "multi_step": multi_step,
        "multi_step_with_warm_up": in_parallel(warm_up, multi_step),
        "polynomial": polynomial,
        "line": lambda optimizer: polynomial(optimizer, power=1),
        "polynomial_with_warm_up": after_warm_up(lambda optimizer: polynomial(optimizer, steps=last - WARM_UP_STEPS)),
        "step_decay": lambda optimizer: lrs.StepLR(optimizer, 2 * STEPS_OF_AN_EPOCH, 0.5),
        "cosine": lambda optimizer: lrs.CosineAnnealingLR(optimizer, last, 0.02),
    }
    arrays = {name: rates_of(make, SCHEDULE_STEPS) for name, make in schedules.items()}
    # ExponentialLR told of epochs, as it is most often used: the first step of each.
    arrays["exponential_by_epochs"] = rates_of(lambda optimizer: lrs.ExponentialLR(optimizer, 0.5),
                                               SCHEDULE_STEPS // STEPS_OF_AN_EPOCH)
    write_fixture("schedule.fixture", arrays)


def plateau_rates(metric, **options):
    """The rate before the first value and after each; Lockstep has an absolute threshold and no least fall."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.8)
    scheduler = lrs.ReduceLROnPlateau(optimizer, threshold_mode="abs", eps=0, **options)
    rates = [0.8]
    for value in metric:
        scheduler.step(value.item())
        rates.append(optimizer.param_groups[0]["lr"])
    return np.array(rates)


def make_plateau_fixture():
    """Metrics that get better ever more slowly, in 64ths, so that differences are exact."""
    random = torch.Generator().manual_seed(7)
    progress = torch.exp(-torch.arange(40) / 8)
    loss = torch.round(64 * (2 * progress + 0.2 * torch.randn(40, generator=random))) / 64
    accuracy = torch.round(64 * (1 - progress + 0.1 * torch.randn(40, generator=random))) / 64
    gaps = loss.clone()
    gaps[[0, 1, 2, 7, 8, 25]] = math.nan  # the rate falls before there is a number
    arrays = {"loss": loss, "accuracy": accuracy, "gaps": gaps}
    cases = {
        "falling": (loss, dict(mode="min", factor=0.5, patience=2, threshold=0)),
        "falling_at_once": (loss, dict(mode="min", factor=0.5, patience=0, threshold=0)),
        "falling_by_much": (loss, dict(mode="min", factor=0.1, patience=3, threshold=0.25)),
        "falling_to_least": (loss, dict(mode="min", factor=0.5, patience=2, threshold=0, min_lr=0.15)),
        "falling_with_gaps": (gaps, dict(mode="min", factor=0.5, patience=2, threshold=0)),
        "rising": (accuracy, dict(mode="max", factor=0.5, patience=2, threshold=0)),
        "rising_by_much": (accuracy, dict(mode="max", factor=0.25, patience=4, threshold=0.125)),
        "wrong_way": (accuracy, dict(mode="min", factor=0.5, patience=5, threshold=0)),
    }
    for name, (metric, options) in cases.items():
        arrays[name] = plateau_rates(metric, **options)
    write_fixture("plateau.fixture", arrays)


class Weights(torch.nn.Module):
    def __init__(self, values, buffers):
        super().__init__()
        self.values = torch.nn.Parameter(values.clone())
        self.register_buffer("buffers_", buffers.clone())

    def set(self, values, buffers):
        self.values.data.copy_(values)
        self.buffers_.copy_(buffers)


def with_decay(most):
    """For AveragedModel, which counts the models it has averaged: in step s s of them, with the one before step 1."""
    def average(averaged, value, step):
        decay = min(most, (1 + step.item()) / (10 + step.item()))
        return decay * averaged + (1 - decay) * value
    return average


def make_average_fixture():
    """Averages after each of ten steps from weights and buffers to given ones."""
    random = torch.Generator().manual_seed(8)
    values, buffers = (float32(torch.randn(1 + STEPS, count, generator=random)) for count in (24, 6))
    arrays = {"values": values, "buffers": buffers}
    for decay in (0.3, 0.5, 0.999):
        weights = Weights(values[0], buffers[0])
        averaged = AveragedModel(weights, avg_fn=with_decay(decay), use_buffers=True)
        averaged.update_parameters(weights)  # the first is copied
        after = []
        for step in range(1, 1 + STEPS):
            weights.set(values[step], buffers[step])
            averaged.update_parameters(weights)
            after.append((averaged.module.values.detach().clone(), averaged.module.buffers_.clone()))
        arrays[f"{decay}/values"], arrays[f"{decay}/buffers"] = (torch.stack(part) for part in zip(*after))
    write_fixture("average.fixture", arrays)


if __name__ == "__main__":
    make_optimizer_fixture()
    make_schedule_fixture()
    make_network_fixture()
    make_plateau_fixture()
    make_average_fixture()
    loss_fixtures.make_loss_fixture()
    loss_fixtures.make_weighted_loss_fixture()
    loss_fixtures.make_loss_steps_fixture()
