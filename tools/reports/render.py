"""Draws HTML reports in a headless Chromium, and finds fault with what it sees.

    python3 tools/reports/render.py FOLDER [--pictures FOLDER]

FOLDER has `report.html`, whose every part must be there, and other pages, which must only be sound. Nothing but
Python's own library and Debian's chromium is needed. Exits with status 1 and a line for each fault.
"""

import argparse
import struct
import sys
import zlib
from pathlib import Path

from browser import Browser

LARGEST = 3 << 20

# Each section, and what of it must be visible.
EXPECTED = {
    "verdict": ".name, .tile b", "findings": "li", "deployments": "tbody tr", "differences": "svg circle.dot",
    "searches": "tbody tr", "survival": "tbody tr", "classes": "tbody tr", "trigger": "img", "samples": "img",
    "confusion": "svg rect.c-same", "drift": "svg path.s-triggered", "attention": "img",
    "embedding": "svg path.m-triggered", "cells": "svg rect.bar", "effort": "li", "reproduce": "pre",
}

# Faults that only a drawn page shows.
FAULTS = """
(() => {
  const faults = [];
  for (const image of document.images)
    if (!image.complete || image.naturalWidth === 0) faults.push(`no picture: ${image.alt}`);
  if (document.documentElement.scrollWidth > window.innerWidth)
    faults.push(`wider than the window: ${document.documentElement.scrollWidth}`);
  for (const svg of document.querySelectorAll(".panel svg")) {
    const frame = svg.getBoundingClientRect();
    if (frame.width < 100 || frame.height < 40) faults.push(`a drawing of ${frame.width} × ${frame.height}`);
    for (const text of svg.querySelectorAll("text")) {
      const box = text.getBoundingClientRect();
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1
          || box.bottom > frame.bottom + 1)
        faults.push(`text leaves its drawing: ${text.textContent.slice(0, 40)}`);
    }
    for (const mark of svg.querySelectorAll("circle, rect, path, line")) {
      const box = mark.getBBox();
      if (![box.x, box.y, box.width, box.height].every(Number.isFinite)) faults.push("a mark that is nowhere");
    }
    const ticks = [...svg.querySelectorAll("text[text-anchor=end]")].map(t => t.getBoundingClientRect());
    for (let i = 1; i < ticks.length; i++)
      for (let j = 0; j < i; j++)
        if (ticks[i].left < ticks[j].right && ticks[j].left < ticks[i].right
            && ticks[i].top + 3 < ticks[j].bottom && ticks[j].top + 3 < ticks[i].bottom)
          faults.push(`labels overlap in ${svg.getAttribute("aria-label")}`);
  }
  return faults;
})()
"""

# How many elements of a section take up room.
VISIBLE = """
[...document.querySelectorAll("#%s %s")].filter(e => {
  const box = e.getBoundingClientRect(); return box.width > 0 && box.height > 0; }).length
"""


def pixels(png: bytes) -> tuple[int, int, list[bytes]]:
    """Width, height and rows of a PNG file of 8 bits a sample, as Chromium writes them."""
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    size = {2: 3, 6: 4}[kind]
    data, place = b"", 8
    while place < len(png):
        length = struct.unpack(">I", png[place : place + 4])[0]
        if png[place + 4 : place + 8] == b"IDAT":
            data += png[place + 8 : place + 8 + length]
        place += 12 + length
    raw, rows = zlib.decompress(data), []
    previous = bytes(width * size)
    for row in range(height):
        start = row * (width * size + 1)
        line = bytearray(raw[start + 1 : start + 1 + width * size])
        undo(raw[start], line, previous, size)
        rows.append(bytes(line))
        previous = line
    return width, height, rows


def undo(kind: int, line: bytearray, above: bytes, size: int) -> None:
    """Takes a row's filter back, as the PNG specification says."""
    for index in range(len(line)):
        left = line[index - size] if index >= size else 0
        up = above[index]
        if kind == 1:
            line[index] = (line[index] + left) & 255
        elif kind == 2:
            line[index] = (line[index] + up) & 255
        elif kind == 3:
            line[index] = (line[index] + (left + up) // 2) & 255
        elif kind == 4:
            corner = above[index - size] if index >= size else 0
            guess = left + up - corner
            near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))
            line[index] = (line[index] + near[2]) & 255


def colours(png: bytes) -> tuple[int, float]:
    """How many different pixels a picture has, and how bright it is on average, 0 to 255."""
    width, height, rows = pixels(png)
    size = len(rows[0]) // width
    seen = {row[place : place + 3] for row in rows for place in range(0, len(row), size)}
    step = rows[:: max(height // 50, 1)]
    return len(seen), sum(sum(row) for row in step) / sum(len(row) for row in step)


def clip(browser: Browser, name: str) -> dict | None:
    """Where a section's first figure or table lies."""
    return browser.evaluate(f"""(() => {{ const e = document.querySelector("#{name}"); if (!e) return null;
      const b = e.getBoundingClientRect(); return {{x: b.left, y: b.top + window.scrollY, width: b.width,
      height: b.height}}; }})()""")


def check(browser: Browser, page: Path, pictures: Path | None) -> list[str]:
    faults = []
    if page.stat().st_size >= LARGEST:
        faults.append(f"{page.stat().st_size} bytes; {LARGEST} are too many")
    brightness = {}
    for name, dark, width in [("light", False, 1160), ("dark", True, 1160), ("narrow", False, 420)]:
        browser.open(page, dark=dark, width=width)
        found = browser.evaluate(FAULTS) + browser.complaints()
        faults += [f"{name}: {fault}" for fault in found]
        if name != "narrow":
            picture = browser.picture(clip(browser, "verdict"))
            count, brightness[name] = colours(picture)
            if count < 20:
                faults.append(f"{name}: the verdict has {count} colours: nothing is drawn")
        if pictures:
            (pictures / f"{page.stem}-{name}.png").write_bytes(browser.picture())
        if page.name == "report.html":
            for section, selector in EXPECTED.items():
                for part in selector.split(", "):
                    if browser.evaluate(VISIBLE % (section, part)) == 0:
                        faults.append(f"{name}: #{section} shows no {part}")
            if pictures and name != "narrow":
                for section in EXPECTED:
                    (pictures / f"{section}-{name}.png").write_bytes(browser.picture(clip(browser, section)))
    if brightness["dark"] >= 0.6 * brightness["light"]:
        faults.append("the dark page is not darker than the light one")
    browser.open(page, dark=True)
    paper = browser.paper()
    if not paper.startswith(b"%PDF") or len(paper) < 10_000:
        faults.append("it does not print")
    if pictures:
        (pictures / f"{page.stem}.pdf").write_bytes(paper)
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=Path, help="keep what was drawn there")
    options = parser.parse_args()
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    pages = sorted(options.folder.glob("*.html"))
    if options.folder / "report.html" not in pages:
        print(f"{options.folder} has no report.html", file=sys.stderr)
        return 1
    failed = False
    with Browser() as browser:
        for page in pages:
            faults = check(browser, page, options.pictures)
            failed = failed or bool(faults)
            print(f"{page}: {'sound' if not faults else 'FAULTY'}")
            for fault in faults:
                print(f"  {fault}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
