"""From the text of a prompt to words, and which of them are wanted. It knows no scene."""

import re
from collections.abc import Iterator

from lib.sandbox.painter import geography, lexicon, words

LONGEST_PHRASE = 4
MOST_WORDS = 400  # a prompt of a novel's length is read this far


def tokens(prompt: str) -> Iterator[str]:
    """Lower-case words without articles and without the Web UI's syntax: (word:1.2), [word], <lora:...>, BREAK."""
    text = re.sub(r"<[^>]{0,200}>|\bBREAK\b|\bAND\b", " , ", prompt[:20_000])
    text = re.sub(r":\s*\d+(\.\d+)?", " ", text.lower())
    text = re.sub("['\u2019]", "", text)
    count = 0
    for word in re.findall(r"[^\W_]+|[,.;|&]|[\u2600-\u27bf\U0001f300-\U0001faff]", text):
        if word in {"a", "an", "the"}:
            continue
        yield "," if word in ".;|" else "and" if word == "&" else word
        count += 1
        if count == MOST_WORDS:
            return


def parted(given: list[str]) -> tuple[list[str], list[str]]:
    """`no people` and `without a hat` in the prompt itself belong to the negative prompt."""
    wanted: list[str] = []
    denied: list[str] = []
    position = 0
    while position < len(given):
        if given[position] not in words.NEGATIONS:
            wanted.append(given[position])
            position += 1
            continue
        rest = given[position + 1 : position + 1 + LONGEST_PHRASE]
        length = next((n for n in range(len(rest), 0, -1) if _names(" ".join(rest[:n]))), 0)
        denied += [*rest[:length], ","]
        position += 1 + length
    return wanted, denied


def _names(phrase: str) -> bool:
    return phrase in lexicon.nouns() or any(phrase in table for table in settings())


def settings() -> tuple[dict[str, str], ...]:
    return words.STYLES, geography.PLACES, words.TIMES, words.WEATHER, words.FEATURES
