"""Coverage-guided fuzzing of one target: `make fuzz`, or `python -m tests.fuzz.guided hl7v2`.

Starts from the target's seeds, keeps what reaches new code in .fuzz/<target>, and stops at the
first input that raises, which it leaves there as `crash-*`. Needs atheris (`make fuzz` installs
it).
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

with atheris.instrument_imports(include=["suture"]):
    from tests.fuzz.targets import ROOT, Target, targets


def corpus_of(target: Target) -> Path:
    """Return the folder of a target's inputs, its seeds in it."""
    folder = ROOT / ".fuzz" / target.name
    folder.mkdir(parents=True, exist_ok=True)
    for ordinal, seed in enumerate(target.seeds):
        (folder / f"seed-{ordinal}").write_bytes(seed)
    words = folder.parent / f"{target.name}.dict"
    texts = ("".join(f"\\x{byte:02x}" for byte in word) for word in target.words if word)
    words.write_text("".join(f'"{text}"\n' for text in texts))
    return folder


def main(name: str, seconds: int) -> None:
    """Fuzz one target for so many seconds."""
    target = targets()[name]
    folder = corpus_of(target)
    options = [
        f"-max_total_time={seconds}",
        f"-dict={folder.parent / (name + '.dict')}",
        f"-artifact_prefix={folder}/",
        "-max_len=20000",
        "-timeout=20",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(folder)], target.read)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60)
