"""Small networks with random weights that have the structures an importer meets in practice."""

import torch
import torch.nn.functional as F
from torch import nn


def randomize(model: nn.Module, seed: int) -> nn.Module:
    """Weights that keep activations near unit size, and BatchNorm statistics that are not trivial."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm1d)):
                for tensor, low, high in (
                    (module.weight, 0.5, 1.5),
                    (module.bias, -0.3, 0.3),
                    (module.running_mean, -0.3, 0.3),
                    (module.running_var, 0.5, 2.0),
                ):
                    tensor.copy_(torch.rand(tensor.shape, generator=generator) * (high - low) + low)
                module.weight[0] *= -1  # a negative factor, as real networks have
            elif isinstance(module, (nn.Conv2d, nn.Linear)):
                fan_in = module.weight[0].numel()
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator) / fan_in**0.5)
                if module.bias is not None:
                    module.bias.copy_(torch.randn(module.bias.shape, generator=generator) * 0.1)
    return model.eval()


class BasicBlock(nn.Module):
    """Residual block with the option-A shortcut: every second pixel, missing channels padded."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shrinks = stride != 1 or inputs != outputs
        self.pad = outputs // 4

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.shrinks:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad), "constant", 0)
        return F.relu(y + x)


class ResNet(nn.Module):
    """ResNet for CIFAR-sized images, as in section 4.2 of He et al. 2016."""

    def __init__(self, widths=(16, 32, 64), blocks=3, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        inputs = widths[0]
        for stage, width in enumerate(widths, start=1):
            layers = []
            for block in range(blocks):
                stride = 2 if stage > 1 and block == 0 else 1
                layers.append(BasicBlock(inputs, width, stride))
                inputs = width
            setattr(self, f"layer{stage}", nn.Sequential(*layers))
        self.linear = nn.Linear(inputs, classes)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.layer3(self.layer2(self.layer1(y)))
        y = F.avg_pool2d(y, y.size()[3])
        return self.linear(y.view(y.size(0), -1))


class Vgg(nn.Module):
    """Convolutions with bias, max pooling, and a flatten of more than 1 × 1."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2, 2),
            nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
        )
        self.classifier = nn.Sequential(
            nn.Linear(8 * 4 * 4, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 10))

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, expand: int):
        super().__init__()
        hidden = inputs * expand
        self.adds = stride == 1 and inputs == outputs
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(),
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden), nn.ReLU6(),
            nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
        )

    def forward(self, x):
        y = self.layers(x)
        return x + y if self.adds else y


class MobileNet(nn.Module):
    """Depthwise convolutions and ReLU6, as in MobileNetV2; the mean over the image ends it."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.blocks = nn.Sequential(
            InvertedResidual(8, 8, 1, 2), InvertedResidual(8, 12, 2, 3), InvertedResidual(12, 12, 1, 2))
        self.head = nn.Linear(12, 10)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean([2, 3]))


class Pooled(nn.Module):
    """Explicit padding, grouped and dilated convolutions, average pooling, concatenation, softmax."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2, bias=True)
        self.grouped = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=4)
        self.narrow = nn.Conv2d(8, 4, (1, 3), padding=(0, 1))
        self.norm = nn.BatchNorm1d(12)
        self.head = nn.Linear(12, 5, bias=False)

    def forward(self, x):
        y = torch.clamp(self.conv(F.pad(x, (1, 0, 2, 1), value=0.25)), -1.5, 2.5)
        y = F.avg_pool2d(y, 3, 2, 1, count_include_pad=False)
        y = torch.cat([F.relu(self.grouped(y)), self.narrow(y)], 1)
        y = F.avg_pool2d(y, 2, 1, 1)
        y = F.adaptive_avg_pool2d(y, 1).squeeze(3).squeeze(2)
        return torch.softmax(self.head(self.norm(y)), 1)


def fixtures() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    """Name to network and input shape without batch."""
    return {
        "resnet-a": (randomize(ResNet((4, 8, 16), blocks=1), 1), (3, 16, 16)),
        "vgg": (randomize(Vgg(), 2), (3, 16, 16)),
        "mobilenet": (randomize(MobileNet(), 3), (3, 16, 16)),
        "pooled": (randomize(Pooled(), 4), (3, 15, 17)),
    }
