"""Tool results for formats that take text alone."""

from __future__ import annotations

from perdure.base.messages import Media, Part, Text, ToolResult


def result_text(result: ToolResult, *, mark_error: bool = True) -> str:
    """The text of a result. Where the format has no flag for it, a failure begins with `Error:`."""
    text = "\n".join([part.text for part in result.parts if isinstance(part, Text)])
    if result.error and mark_error and text[:5].lower() != "error":
        return f"Error: {text}" if text else "Error"
    return text


def result_media(result: ToolResult) -> list[Part]:
    return [part for part in result.parts if isinstance(part, Media)]
