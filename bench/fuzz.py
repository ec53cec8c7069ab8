"""Every decoder of the gate under bytes that nobody meant: no exception, bounded memory, and each planted good frame found.

    python -m bench.fuzz [--bytes 10000000] [--seed 1] [--decoder rdm6300 …] [--engine own|atheris]

`own` mixes, from a seed: noise, noise that is full of start bytes, good frames with a bit turned, cut, doubled or swapped,
and whole good frames, whose finding is checked. `atheris` (pip install atheris; Linux) lets coverage choose the bytes instead.
Exit code 1 and the seed's piece of the stream, when anything is found.
"""

import argparse
import random
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import FunctionType

from bench.fuzz_decoders import DECODERS, Decoder, FoundError

PIECE = 4096
MEMORY_MB = 64
"""What the whole run may grow by; a decoder that kept what it was fed would be far above."""


@dataclass
class Tally:
    """What one decoder went through."""

    taken: int = 0
    planted: int = 0
    found: int = 0
    at_once: list[bool] = field(default_factory=list)
    """Of frames planted right behind noise, without the silence that ends a false start's claim: which were found."""


def pieces(decoder: Decoder, dice: random.Random) -> Iterator[tuple[bytes, bool]]:
    """Yield for ever what is fed: bytes, and whether they are a good frame that must be found."""
    samples, starts = decoder.samples(), decoder.starts or b"\x00"
    while True:
        match dice.randrange(6):
            case 0:
                yield dice.randbytes(dice.randrange(1, PIECE)), False
            case 1:
                rich = starts * 20 + bytes(range(256))
                yield bytes(dice.choices(rich, k=dice.randrange(1, PIECE))), False
            case 2:
                spoiled = b"".join(_spoiled(dice.choice(samples), dice) for _ in range(dice.randrange(1, 40)))
                yield spoiled, False
            case 3:
                yield dice.choice([b"\x00", b"\xff", starts[:1], b"\r\n"]) * dice.randrange(1, PIECE), False
            case _:
                yield dice.choice(samples), True


def _spoiled(sample: bytes, dice: random.Random) -> bytes:
    content = bytearray(sample)
    at = dice.randrange(len(content))
    match dice.randrange(5):
        case 0:
            content[at] ^= 1 << dice.randrange(8)
        case 1:
            del content[at:]
        case 2:
            content[at:at] = content[: dice.randrange(len(content)) + 1]
        case 3:
            other = dice.randrange(len(content))
            content[at], content[other] = content[other], content[at]
        case _:
            content[at] = dice.randrange(256)
    return bytes(content)


def run(name: str, count: int, seed: int) -> Tally:
    """Feed `count` bytes to a decoder; FoundError with what was fed last when it fails."""
    decoder, dice, tally = DECODERS[name](), random.Random(f"{seed} {name}"), Tally()
    for content, is_good in pieces(decoder, dice):
        tally.taken += len(content)
        try:
            if is_good and dice.randrange(4) == 0 and (found := decoder.at_once(content)) is not None:
                tally.at_once.append(found)
            elif is_good:
                tally.planted += 1
                tally.found += decoder.good(content)
            else:
                decoder.noise(content)
        except Exception as error:
            raise FoundError(f"{name}: {type(error).__name__}: {error}; fed last: {content[:400].hex()}") from error
        if tally.found != tally.planted:
            raise FoundError(
                f"{name}: a good frame was not found: {content.hex()} after {tally.taken} bytes, seed {seed}"
            )
        if tally.taken >= count:
            return tally
    raise AssertionError


def memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def decoding_functions() -> Iterator[FunctionType]:
    """Yield every function that decodes: coverage of these alone is looked at."""
    for name, module in list(sys.modules.items()):
        if name.startswith(("wire.", "gate.push.", "python_multipart.")):
            for thing in vars(module).values():
                inside = vars(thing).values() if isinstance(thing, type) and thing.__module__ == name else [thing]
                yield from (each for each in inside if isinstance(each, FunctionType) and each.__module__ == name)


def by_coverage(names: Sequence[str], count: int) -> None:
    """Let atheris choose the bytes of each decoder in turn of its first byte, until `count` were fed; it ends the process."""
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: .venv/bin/pip install atheris (Linux, x86-64), or leave --engine out")
    for function in decoding_functions():
        atheris.instrument_func(function)
    decoders = [DECODERS[name]() for name in names]
    fed = 0

    def once(content: bytes) -> None:
        nonlocal fed
        if content:
            fed += len(content)
            decoder = decoders[content[0] % len(decoders)]
            decoder.noise(content[1:])
            if len(content) > 1 and content[1] % 8 == 0:
                samples = decoder.samples()
                if not decoder.good(samples[content[-1] % len(samples)]):
                    raise FoundError("a good frame was not found")
        if fed >= count:
            print(f"atheris fed {fed} bytes to {len(decoders)} decoders: no exception, every planted frame found")
            sys.stdout.flush()
            import os

            os._exit(0)

    atheris.Setup([sys.argv[0], "-max_len=4096", "-verbosity=0"], once)
    atheris.Fuzz()


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bytes", type=int, default=10_000_000, help="how many each decoder gets (10 million)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--decoder",
        nargs="+",
        choices=sorted(DECODERS),
        default=sorted(DECODERS),
        metavar="NAME",
        help="which; all without it",
    )
    parser.add_argument("--engine", choices=["own", "atheris"], default="own")
    wanted = parser.parse_args(words)
    if wanted.engine == "atheris":
        by_coverage(wanted.decoder, wanted.bytes)
        return 0
    began_mb = memory_mb()
    for name in wanted.decoder:
        began = time.process_time()
        try:
            tally = run(name, wanted.bytes, wanted.seed)
        except FoundError as error:
            print(f"FOUND {error}")
            return 1
        seconds = time.process_time() - began
        behind = f"; {sum(tally.at_once)} of {len(tally.at_once)} right behind noise" if tally.at_once else ""
        print(
            f"{name:<21}{tally.taken:>11} bytes, {tally.planted} planted, all found{behind}; {seconds:.1f} s",
            flush=True,
        )
    grown = memory_mb() - began_mb
    print(f"memory grew by {grown:.1f} MB over {len(wanted.decoder)} decoders")
    return 0 if grown < MEMORY_MB else 1


if __name__ == "__main__":
    sys.exit(main())
