"""Benign accuracy, attack success rate, and whether a defence can find the way back to the float model."""

from __future__ import annotations

from dataclasses import dataclass

import torch

import quantize
from data import Split
from model import Executor, LinearUnit, Network
from quantize import Quantized, Ranges, Scheme
from triggers import Trigger


@dataclass(frozen=True)
class Measures:
    """Fractions. The attack success rate leaves out images whose true class is the target."""

    benign_accuracy: float
    attack_success_rate: float | None

    def __str__(self) -> str:
        asr = "" if self.attack_success_rate is None else f"  ASR {100 * self.attack_success_rate:6.2f} %"
        return f"BA {100 * self.benign_accuracy:6.2f} %{asr}"


@torch.no_grad()
def predict(model: Network, split: Split, images: torch.Tensor, run: Executor | None, batch: int = 1000) -> torch.Tensor:
    """The class of each uint8 image, preprocessed as the split's are."""
    model.eval()
    return torch.cat([model(split.normalize(part), run).argmax(1) for part in images.split(batch)])


def measure(model: Network, split: Split, run: Executor | None = None, trigger: Trigger | None = None,
            target: int | None = None) -> Measures:
    """The float model with `run` left out, any executor's view of it otherwise."""
    benign = (predict(model, split, split.images, run) == split.labels).double().mean().item()
    if trigger is None:
        return Measures(benign, None)
    others = split.images[split.labels != target]
    success = (predict(model, split, trigger.stamp(others), run) == target).double().mean().item()
    return Measures(benign, success)


def _descend(weight: torch.Tensor, low: torch.Tensor, start: torch.Tensor, step: torch.Tensor, gram: torch.Tensor,
             cross: torch.Tensor, sweeps: int) -> torch.Tensor:
    """Coordinate descent on ‖Ŵ X_q − W X‖² over Ŵ ∈ {low, low + step}, all output channels side by side.

    With G = X_q X_qᵀ and C = X X_qᵀ the gradient with respect to Ŵ is 2(Ŵ G − W C); moving coordinate k by d changes
    the error by 2 d (Ŵ G − W C)_k + d² G_kk.
    """
    current = start.clone()
    residual = current @ gram - weight @ cross
    for _ in range(sweeps):
        moved = 0
        for k in range(weight.shape[1]):
            other = torch.where(current[:, k] > low[:, k] + 0.5 * step, low[:, k], low[:, k] + step)
            delta = other - current[:, k]
            gain = 2 * delta * residual[:, k] + delta * delta * gram[k, k]
            delta = torch.where(gain < -1e-12, delta, torch.zeros_like(delta))
            moved += int((delta != 0).sum())
            current[:, k] += delta
            residual += delta.view(-1, 1) * gram[k].view(1, -1)
        if moved == 0:
            break
    return current


@torch.no_grad()
def check_purifiable(model: Network, scheme: Scheme, ranges: Ranges, x: torch.Tensor,
                     sweeps: int = 10) -> tuple[dict[str, torch.Tensor], float]:
    """Re-rounds every layer's weights to the floor or ceiling that best preserves the float model's outputs.

    The reconstruction term shared by EFRAP (CVPR 2024) and LAC (ICML 2024), without their other terms: layer by
    layer over the preprocessed images `x`, with inputs from the already rounded prefix and the float model's own outputs as the goal. Returns the
    folded weights for `Quantized(weights=…)`, and the share of them that differs from rounding to nearest. If the
    model that results still has the backdoor, it does not live in the rounding of weights.
    """
    model.eval()
    bits = scheme.weight_bits
    assert bits is not None and not scheme.per_tensor
    assert all(unit.conv.groups == 1 for unit in model.conv_units()), "grouped convolutions are not unfolded here"
    truth = Quantized(Scheme(None, None), ranges)
    truth.keep_inputs = True
    model(x, truth)

    chosen: dict[str, torch.Tensor] = {}
    flips, total = 0, 0
    for unit in [*model.conv_units(), *model.linear_units()]:
        name = unit.name
        prefix = Quantized(scheme, ranges, exact=True, weights=chosen)
        prefix.keep_inputs = True
        model(x, prefix)
        if isinstance(unit, LinearUnit):
            weight, columns = unit.linear.weight, lambda t: t
        else:
            weight, _ = unit.folded()
            conv = unit.conv
            columns = lambda t: torch.nn.functional.unfold(
                t, conv.kernel_size, padding=conv.padding, stride=conv.stride).transpose(1, 2).flatten(0, 1)
        flat = weight.flatten(1).double()
        scale = quantize.weight_scale(weight, bits, False).double()
        gram = torch.zeros(flat.shape[1], flat.shape[1], dtype=torch.double)
        cross = torch.zeros_like(gram)
        for seen, wanted in zip(prefix.inputs[name].split(64), truth.inputs[name].split(64)):
            a, b = columns(seen), columns(wanted)
            gram += (a.T @ a).double()
            cross += (b.T @ a).double()
        step = scale.view(-1, 1)
        qmax = quantize.weight_qmax(bits)
        near = torch.round(flat / step).clamp(-qmax, qmax)
        low = torch.floor(flat / step).clamp(-qmax, qmax - 1)
        best = _descend(flat, low * step, near * step, scale, gram, cross, sweeps)
        flips += int((torch.round(best / step) != near).sum())
        total += near.numel()
        chosen[name] = best.float().view_as(weight)
    return chosen, flips / total
