"""The fixtures of losses: of given outputs, and of ten steps of a small network. make_fixtures.py runs it."""
import torch
import torch.nn.functional as F

from fixture import SMOOTHING, STEPS, float32, write_fixture


def dice(p, t):
    """Soft Dice of the pixels (classes, pixels), meaned over classes, as trainer/nn/losses/loss.h has it."""
    return ((2 * (p * t).sum(1) + 1) / (p.sum(1) + t.sum(1) + 1)).mean()


def masks_loss(logits, targets, dice_weight):
    """Summed over rows; -1 is a pixel that counts nowhere. Zero of a row without others."""
    losses = []
    for x, target in zip(logits, targets.long()):
        counted = target >= 0
        x, target = x[:, counted], target[counted]
        if len(target) == 0:
            losses.append(x.sum())
            continue
        loss = F.cross_entropy(x.T, target)
        if dice_weight:
            loss = loss + dice_weight * (1 - dice(F.softmax(x, 0), F.one_hot(target, len(x)).T))
        losses.append(loss)
    return sum(losses)


def mean_of_row(loss, target, **options):
    return lambda x: loss(x, target, reduction="none", **options).mean(1).sum()


def make_loss_fixture():
    """Sums over rows of each loss of given outputs, and their gradients."""
    random = torch.Generator().manual_seed(5)
    rows, outputs, pixels = 9, 6, 20

    def normal(*shape):
        return float32(3 * torch.randn(*shape, generator=random))

    def below(end, *shape):
        return torch.randint(0, end, shape, generator=random)

    x, numbers, maps = normal(rows, outputs), normal(rows, outputs), normal(rows, outputs, pixels)
    classes, labels, masks = below(outputs, rows), below(2, rows, outputs), below(outputs, rows, pixels)
    masks[torch.rand(rows, pixels, generator=random) < 0.3] = -1
    masks[2] = -1  # a row of which nothing counts
    masks[4] = 1  # one class alone
    arrays = {"outputs": x, "classes": classes, "labels": labels, "numbers": numbers, "maps": maps, "masks": masks}

    losses = {
        "softmax": (x, lambda x: F.cross_entropy(x, classes, reduction="sum")),
        "softmax_smoothed": (x, lambda x: F.cross_entropy(x, classes, reduction="sum", label_smoothing=SMOOTHING)),
        "binary": (x, mean_of_row(F.binary_cross_entropy_with_logits, labels.double())),
        "squared": (x, mean_of_row(F.mse_loss, numbers)),
        "huber": (x, mean_of_row(F.huber_loss, numbers, delta=1)),
        "huber_half": (x, mean_of_row(F.huber_loss, numbers, delta=0.5)),
        "masks": (maps, lambda x: masks_loss(x, masks, 0)),
        "masks_with_dice": (maps, lambda x: masks_loss(x, masks, 1)),
        "masks_with_half_dice": (maps, lambda x: masks_loss(x, masks, 0.5)),
    }
    for name, (values, loss) in losses.items():
        values = values.clone().requires_grad_()
        total = loss(values)
        total.backward()
        arrays[name + "/sum"] = total
        arrays[name + "/gradient"] = values.grad
    write_fixture("loss.fixture", arrays)


def weighted_cross_entropy(x, classes, weights, **options):
    """Summed over rows. Lockstep weights the smoothed loss of a row; PyTorch each class of its smoothed target."""
    return (weights[classes] * F.cross_entropy(x, classes, reduction="none", **options)).sum()


def make_weighted_loss_fixture():
    """Losses with weights and an ignored class; gradients are those of the sum divided by the batch."""
    random = torch.Generator().manual_seed(6)
    rows, outputs, ignored = 9, 6, 4
    x, numbers = (float32(3 * torch.randn(rows, outputs, generator=random)) for _ in range(2))
    classes = torch.arange(rows) * 5 % outputs
    labels = torch.randint(0, 2, (rows, outputs), generator=random)
    weights, positive = torch.tensor([0.25, 2, 1, 0.5, 3, 0]), torch.tensor([0.25, 2, 1, 0.5, 3, 8])
    arrays = {"outputs": x, "classes": classes, "labels": labels, "numbers": numbers}

    def entropy(**options):
        return lambda x: F.cross_entropy(x, classes, reduction="sum", **options)

    losses = {
        "weights": entropy(weight=weights),
        "ignored": entropy(ignore_index=ignored),
        "weights_ignored": entropy(weight=weights, ignore_index=ignored),
        "ignored_smoothed": entropy(ignore_index=ignored, label_smoothing=SMOOTHING),
        "weights_smoothed": lambda x: weighted_cross_entropy(x, classes, weights, label_smoothing=SMOOTHING),
        "weights_ignored_smoothed": lambda x: weighted_cross_entropy(x, classes, weights, ignore_index=ignored,
                                                                     label_smoothing=SMOOTHING),
        "positive_weights": mean_of_row(F.binary_cross_entropy_with_logits, labels.double(), pos_weight=positive),
        "huber_eighth": mean_of_row(F.huber_loss, numbers, delta=0.125),
        "huber_four": mean_of_row(F.huber_loss, numbers, delta=4),
    }
    for name, loss in losses.items():
        values = x.clone().requires_grad_()
        total = loss(values)
        (total / rows).backward()
        arrays[name + "/sum"] = total
        arrays[name + "/gradient"] = values.grad
    write_fixture("weighted_loss.fixture", arrays)


class SmallNetwork:
    """Convolution, batch norm, rectifier, and then maxima and a dense layer, or of masks another convolution."""

    def __init__(self, initial, of_masks):
        unused = "dense/" if of_masks else "map/"
        self.parameters = {name: value.clone().requires_grad_() for name, value in initial.items()
                           if not name.startswith(unused)}
        channels = len(initial["norm/scale"])
        self.buffers = {"norm/running_mean": torch.zeros(channels), "norm/running_variance": torch.ones(channels)}

    def forward(self, x, training):
        p, (mean, variance) = self.parameters, self.buffers.values()
        x = F.conv2d(x, p["stem/weights"], padding=1)
        x = F.relu(F.batch_norm(x, mean, variance, p["norm/scale"], p["norm/shift"], training))
        if "map/weights" in p:
            return F.conv2d(x, p["map/weights"], p["map/bias"])
        return F.linear(F.max_pool2d(x, 3).flatten(1), p["dense/weights"], p["dense/bias"])


def make_loss_steps_fixture():
    """Ten steps of SGD with each loss; the targets move on by one row at each."""
    random = torch.Generator().manual_seed(9)
    rows, outputs, filters, height, width = 8, 5, 6, 9, 6

    def normal(*shape, scale=1.0):
        return float32(scale * torch.randn(*shape, generator=random))

    features = filters * (height // 3) * (width // 3)
    initial = {"stem/weights": normal(filters, 3, 3, 3, scale=0.3), "norm/scale": 1 + normal(filters, scale=0.25),
               "norm/shift": normal(filters, scale=0.2), "dense/weights": normal(outputs, features, scale=0.2),
               "dense/bias": normal(outputs, scale=0.1), "map/weights": normal(outputs, filters, 1, 1, scale=0.5),
               "map/bias": normal(outputs, scale=0.1)}
    initial["norm/scale"] = float32(initial["norm/scale"])
    images, numbers = normal(rows, 3, height, width), normal(rows, outputs)
    labels = torch.randint(0, 2, (rows, outputs), generator=random)
    masks = torch.randint(0, outputs, (rows, height, width), generator=random)
    masks[torch.rand(masks.shape, generator=random) < 0.25] = -1
    masks[2] = -1  # a row of which nothing counts
    classes = torch.arange(rows) * 3 % outputs
    arrays = {"images": images, "numbers": numbers, "labels": labels, "masks": masks, "classes": classes}
    arrays.update({"initial/" + name: value for name, value in initial.items()})
    weights = torch.tensor([0.5, 2, 1, 0.25, 3])
    losses = {
        "softmax": (classes, lambda x, t: weighted_cross_entropy(x, t, weights, ignore_index=2,
                                                                 label_smoothing=SMOOTHING)),
        "binary": (labels, lambda x, t: mean_of_row(F.binary_cross_entropy_with_logits, t.double(),
                                                    pos_weight=weights)(x)),
        "squared": (numbers, lambda x, t: mean_of_row(F.mse_loss, t)(x)),
        "huber": (numbers, lambda x, t: mean_of_row(F.huber_loss, t, delta=0.5)(x)),
        "masks": (masks, lambda x, t: masks_loss(x.flatten(2), t.flatten(1), 0.5)),
    }
    for name, (target, loss) in losses.items():
        network = SmallNetwork(initial, name == "masks")
        optimizer = torch.optim.SGD(network.parameters.values(), lr=0.05, momentum=0.9)
        sums = []
        for step in range(STEPS):
            optimizer.zero_grad()
            total = loss(network.forward(images, True), torch.roll(target, step, 0))
            (total / rows).backward()
            optimizer.step()
            sums.append(total.item())
        arrays[name + "/loss_sums"] = torch.tensor(sums)
        arrays.update({f"{name}/{key}": value for key, value in {**network.parameters, **network.buffers}.items()})
        arrays[name + "/logits"] = network.forward(images, False)
    write_fixture("loss_steps.fixture", arrays)
