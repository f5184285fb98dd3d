"""Text that goes to a terminal: only treadle's own control sequences reach it."""

_VISIBLE = {code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)}
_VISIBLE[0x7F] = 0x2421
_VISIBLE.update({code: 0xFFFD for code in range(0x80, 0xA0)})
_VISIBLE[0xFEFF] = 0xFFFD
for _first, _last in (
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2066, 0x2069),
    (0xD800, 0xDFFF),
    (0xE0000, 0xE007F),
):
    _VISIBLE.update({code: 0xFFFD for code in range(_first, _last + 1)})


def clean(text: str) -> str:
    """The text with control, bidirectional, zero-width and tag characters made visible; newline and tab stay."""
    return text.translate(_VISIBLE)
