"""Loading data: against a torch DataLoader that does the same pillow operations, against a plain loop over arrays, and memory by data size.

Bounds: 2,000 JPEGs of 500x375 decoded, resized, cropped and normalized by two workers at least as fast as torch's two workers (wall time of
epochs that had the two cores to themselves; CPU time is shown beside it; torch's processes are kept between epochs, so that starting them
is not counted); the loader's overhead on arrays at most 10 % of a plain loop over pre-batched arrays (CPU time; the loop sums each batch,
about the least anybody does with one); the peak memory of loading does not grow with the number of images. Pairs are interleaved in one
process, and a bound holds when its whole 95 % interval lies inside it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from inc_bench.comparison import Comparison, compare
from inc_bench.intervals import ratio_interval
from inc_config.benchmark import BenchmarkConfig
from inc_data import ArrayDataset, DataLoader, ImageFolder, preprocessing
from PIL import Image

IMAGES = 2000
WORKERS = 2
BATCH = 32
PAIRS = 8
UNDISTURBED = 0.85
"""Share of two cores that an epoch must have had; less means that others used them."""

CPU = BenchmarkConfig(rounds=15, warmup=1)
MEMORY_SIZES = (200, 2000)
MEMORY_BOUND = 1.10

PEAK = """
import sys, resource
from inc_data import DataLoader, ImageFolder, preprocessing
loader = DataLoader(ImageFolder(sys.argv[1], transform=preprocessing("imagenet")), 32, num_workers=2)
for epoch in range(2):
    for batch in loader:
        pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main() -> int:
    """Measure, print the tables and return 1 where a bound is not certain to hold."""
    missed = int(on_arrays())
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for count in MEMORY_SIZES:
            write_images(root / str(count), count)
        missed += on_images(root / str(IMAGES))
        missed += by_size(root)
    return 1 if missed else 0


def on_arrays() -> bool:
    """Time an epoch over arrays in memory, one sum per batch, against the loop that has the batches already."""
    inputs = np.random.default_rng(0).standard_normal((8192, 3, 32, 32), np.float32)
    labels = np.arange(8192)
    batches = [(inputs[start : start + BATCH], labels[start : start + BATCH]) for start in range(0, len(inputs), BATCH)]
    loader = DataLoader(ArrayDataset(inputs, labels), BATCH)

    def plain() -> float:
        return sum(float(x.sum()) for x, _ in batches)

    def loaded() -> float:
        return sum(float(x.sum()) for x, _ in loader)

    if plain() != loaded():
        raise SystemExit("the loader and the loop see different batches")
    return report("arrays: loader / plain loop", compare(plain, loaded, CPU), 1 / 1.10)


def on_images(root: Path) -> bool:
    """Time an epoch of decoding, resizing, cropping and normalizing against torch's DataLoader."""
    ours = DataLoader(ImageFolder(root, transform=preprocessing("imagenet")), BATCH, num_workers=WORKERS)
    theirs = torch_loader(root)
    for (x, y), (x2, y2) in zip(ours, theirs, strict=True):
        if not np.allclose(x, x2.numpy(), atol=1e-5) or not np.array_equal(y, y2.numpy()):
            raise SystemExit("the two loaders give different batches")
    drain(theirs)
    pairs: list[tuple[Epoch, Epoch]] = []
    for turn in range(PAIRS):
        epochs = {name: timed(loader) for name, loader in (("theirs", theirs), ("ours", ours))[:: 1 if turn % 2 else -1]}
        pairs.append((epochs["theirs"], epochs["ours"]))
    calm = [pair for pair in pairs if min(epoch.share for epoch in pair) >= UNDISTURBED]
    fastest = [min(pair[which].wall_s for pair in pairs) for which in (0, 1)]
    print(f"images per second at best: {IMAGES / fastest[1]:.0f}, torch {IMAGES / fastest[0]:.0f}; calm pairs: {len(calm)} of {PAIRS}")
    show("  CPU of an image: torch / ours", [theirs.cpu_s / ours.cpu_s for theirs, ours in pairs])
    low = show(f"images, {WORKERS} workers: torch / ours", [theirs.wall_s / ours.wall_s for theirs, ours in calm or pairs])
    enough = len(calm) >= PAIRS // 2
    holds = enough and low >= 1.0
    verdict = "holds" if holds else "not certain" if enough else "inconclusive: the machine was busy"
    print(f"{'':<36}at least 1.00x  {verdict}", flush=True)
    return not holds


@dataclass(frozen=True)
class Epoch:
    """Seconds on the wall, and of CPU in this process and its workers."""

    wall_s: float
    cpu_s: float

    @property
    def share(self) -> float:
        """CPU over wall time of the cores that the workers could have used."""
        return self.cpu_s / self.wall_s / WORKERS


def timed(loader: Iterable[Any]) -> Epoch:
    """Read one epoch."""
    wall, cpu = time.perf_counter(), cpu_of_all()
    drain(loader)
    return Epoch(time.perf_counter() - wall, cpu_of_all() - cpu)


def cpu_of_all() -> float:
    """CPU seconds of this process and of the workers that live."""
    times = [process.cpu_times() for process in (psutil.Process(), *psutil.Process().children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def show(name: str, ratios: list[float]) -> float:
    """Print a ratio with its interval; returns the lower end."""
    ratio, low, high = ratio_interval(np.array(ratios), confidence=0.95)
    print(f"{name:<36}{ratio:.2f}x [{low:.2f}, {high:.2f}]")
    return low


def drain(loader: Iterable[Any]) -> None:
    """Read one epoch."""
    for _ in loader:
        pass


def torch_loader(root: Path) -> Iterable[Any]:
    """A torch DataLoader over the same files with the same pillow and numpy operations, written out in one function as people do."""
    import torch
    from torch.utils.data import DataLoader as TorchLoader
    from torch.utils.data import Dataset

    mean, std = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)

    class Files(Dataset):  # type: ignore[type-arg]  # torch's own parameter says nothing here
        def __init__(self) -> None:
            folders = sorted(root.iterdir())
            self.files = [(path, number) for number, folder in enumerate(folders) for path in sorted(folder.iterdir())]

        def __len__(self) -> int:
            return len(self.files)

        def __getitem__(self, index: int) -> tuple[object, int]:
            path, label = self.files[index]
            with Image.open(path) as file:
                image = file.convert("RGB")
            short = min(image.size)
            image = image.resize((int(256 * image.width / short), int(256 * image.height / short)), Image.Resampling.BILINEAR)
            left, top = (image.width - 224) // 2, (image.height - 224) // 2
            image = image.crop((left, top, left + 224, top + 224))
            pixels = (np.asarray(image, np.float32) / np.float32(255) - mean) / std
            return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))), label

    torch.set_num_threads(1)
    return TorchLoader(Files(), batch_size=BATCH, num_workers=WORKERS, persistent_workers=True)


def by_size(root: Path) -> bool:
    """Compare the peak memory of fresh processes that load little and much."""
    peaks = []
    for count in MEMORY_SIZES:
        done = subprocess.run([sys.executable, "-c", PEAK, str(root / str(count))], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) / 1024)
    growth = peaks[1] / peaks[0]
    holds = growth <= MEMORY_BOUND
    sizes = " and ".join(f"{peak:.0f} MB for {count:,}" for peak, count in zip(peaks, MEMORY_SIZES, strict=True))
    print(f"{'peak memory of loading images':<36}{sizes}: {growth:.2f}x, at most {MEMORY_BOUND:g}x  {'holds' if holds else 'missed'}")
    return not holds


def report(name: str, ratio: Comparison, bound: float) -> bool:
    """Print one row; returns whether the bound is not certain to hold."""
    holds = ratio.holds(at_least=bound)
    verdict = "holds" if holds else "missed" if not ratio.noisy and ratio.high < bound else "inconclusive"
    print(f"{name:<36}{ratio!s:<24}at least {bound:.2f}x  {verdict}", flush=True)
    return not holds


def write_images(root: Path, count: int) -> None:
    """Write JPEGs of 500x375 in ten class folders: smooth shapes with some noise, about as large as photographs."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (16, 12, 16, 3), dtype=np.uint8)
    noise = generator.integers(0, 24, (375, 500, 3), dtype=np.uint8)
    for number in range(count):
        folder = root / f"class{number % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        smooth = Image.fromarray(coarse[number % 16]).resize((500, 375), Image.Resampling.BICUBIC)
        pixels = np.roll(np.asarray(smooth) // 2 + 40, number, axis=1) + noise
        Image.fromarray(pixels).save(folder / f"{number:05}.jpg", quality=90)


if __name__ == "__main__":
    sys.exit(main())
