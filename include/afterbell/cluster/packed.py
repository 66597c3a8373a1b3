"""Arguments of a driver on the cluster as one word.

Mesos' dispatcher puts a driver's arguments into a shell line and leaves those alone that look quoted already or hold a
line break. One word of letters and digits means the same to every shell, and to none.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

_OPTION = "--packed"


def packed(arguments: Sequence[str]) -> list[str]:
    """``arguments`` as two: the option, and a word of ``A-Z a-z 0-9 _ -``."""
    word = base64.urlsafe_b64encode(json.dumps(list(arguments)).encode()).decode()
    return [_OPTION, word.replace("=", "")]


def unpacked(arguments: Sequence[str]) -> list[str]:
    """The arguments that ``packed`` encoded; other arguments are returned unchanged.

    Raises:
        ValueError: the word is not one that ``packed`` makes.
    """
    if not arguments or arguments[0] != _OPTION:
        return list(arguments)
    if len(arguments) != 2:
        raise ValueError(f"{_OPTION} takes one word")
    word = arguments[1]
    try:
        decoded = json.loads(base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True))
    except ValueError as error:
        raise ValueError(f"{_OPTION} is not a packed list: {error}") from error
    if not isinstance(decoded, list) or not all(isinstance(item, str) for item in decoded):
        raise ValueError(f"{_OPTION} is not a packed list of texts")
    return decoded
