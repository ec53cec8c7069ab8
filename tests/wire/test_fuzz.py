"""The short form of `python -m bench.fuzz`, and that it finds what it looks for."""

import pytest

from bench import fuzz
from bench.fuzz_decoders import DECODERS, FoundError, described
from config.protocol_names import protocol_names


@pytest.mark.parametrize("name", DECODERS)
def test_noise_is_survived_and_every_planted_frame_found(name):
    """10 million bytes, no exception, bounded memory, every planted good frame found; here a part of them"""
    tally = fuzz.run(name, 40_000, seed=7)
    assert (tally.taken >= 40_000, tally.planted > 0, tally.found) == (True, True, tally.planted)


def test_every_family_has_its_decoder_there():
    assert set(protocol_names()) == set(DECODERS)


def loses_one(decoder):
    decoder.good = lambda _sample: False


def raises(decoder):
    decoder.noise = lambda _content: 1 / 0


def grows(decoder):
    kept = bytearray()
    feed = decoder._finder.feed

    def keeping(content):
        kept.extend(content)
        decoder._most = len(kept) and decoder._finder.held - 1
        return feed(content)

    decoder._finder.feed = keeping


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [(loses_one, "a good frame was not found"), (raises, "ZeroDivisionError"), (grows, "holds .* bytes, more than")],
)
def test_a_decoder_that_fails_is_found(monkeypatch, spoil, sentence):
    def made():
        decoder = described("rdm6300")
        spoil(decoder)
        return decoder

    monkeypatch.setitem(DECODERS, "rdm6300", made)
    with pytest.raises(FoundError, match=sentence):
        fuzz.run("rdm6300", 200_000, seed=1)


def test_the_command_says_what_it_did(capsys):
    assert fuzz.main(["--bytes", "5000", "--decoder", "rdm6300", "wedge"]) == 0
    out = capsys.readouterr().out
    assert ("rdm6300" in out, "wedge" in out, "all found" in out, "memory grew by" in out) == (True,) * 4
