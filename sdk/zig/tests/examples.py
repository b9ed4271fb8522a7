#!/usr/bin/env python3
"""Writes the programs of the documentation into a folder, with a test that has them all: `examples.py FOLDER`."""

import pathlib
import re
import sys

SDK = pathlib.Path(__file__).resolve().parent.parent
PAGES = [SDK / "README.md", SDK.parent.parent / "docs" / "guide" / "zig.md"]


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    programs = [text for page in PAGES for text in re.findall(r"^```zig\n(//! .*?)^```", page.read_text(), re.M | re.S)]
    for at, program in enumerate(programs):
        (folder / f"{at}.zig").write_text(program)
    imports = "".join(f'    _ = @import("{at}.zig").operator;\n' for at in range(len(programs)))
    (folder / "all.zig").write_text(f"test {{\n{imports}}}\n")
    if len(programs) < 3:
        sys.exit("the documentation has lost its examples")


if __name__ == "__main__":
    main()
