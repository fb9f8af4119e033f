"""The tool of 02_files.yaml."""

from perdure import ToolFailed, tool


@tool(effect="read")
def first_line(matches: str) -> dict[str, str]:
    """Split the first line of a search into its path and its text.

    Args:
        matches: What files_search gave.
    """
    path, _, rest = matches.partition("\n")[0].partition(":")
    if not rest:
        raise ToolFailed("no paper has it")
    return {"path": path, "text": rest.partition(": ")[2]}
