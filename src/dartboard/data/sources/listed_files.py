"""From the path of an image as a table writes it to the file, which may be spelt otherwise on this system."""

import os
from pathlib import Path

from dartboard.data.sources.names import file_text, path_text, same_name

__all__ = ["ListedFiles"]


class ListedFiles:
    """Finds the files that a table lists.

    A path is taken as it stands where there is such a file. Otherwise blanks around it do not count, backslashes count
    as slashes, and names that Unicode can write in several forms as the same.

    Args:
        base: the folder that paths are relative to; no file outside of it is found.
    """

    def __init__(self, base: Path) -> None:
        self.root = os.path.normpath(base.absolute())
        self._inside = self.root.rstrip(os.sep) + os.sep
        self._names: dict[str, dict[str, str]] = {}

    def find(self, text: str) -> str | None:
        """The file; where there is none, where it would lie, and None for a path that leads outside.

        Text, not `Path`, which would take ten times as long for each row.
        """
        path = self._join(text)
        if path and os.path.isfile(path):  # noqa: PTH113
            return path
        path = self._join(text.strip().replace("\\", "/"))
        return path and (self._spelt_otherwise(path) or path)

    def _join(self, text: str) -> str | None:
        path = os.path.normpath(os.path.join(self.root, path_text(text)))  # noqa: PTH118
        return path if path.startswith(self._inside) else None

    def _spelt_otherwise(self, path: str) -> str | None:
        """The file whose name differs only in its Unicode form, in any folder on the way."""
        here = self.root
        for part in Path(path.removeprefix(self._inside)).parts:
            name = self._names_in(here).get(same_name(file_text(part)))
            if name is None:
                return None
            here = os.path.join(here, name)  # noqa: PTH118
        return here if os.path.isfile(here) else None  # noqa: PTH113

    def _names_in(self, folder: str) -> dict[str, str]:
        """Name of each entry in one Unicode form -> its name in the folder; empty where there is no such folder."""
        if folder not in self._names:
            try:
                entries = sorted(os.listdir(folder), reverse=True)  # noqa: PTH208
            except OSError:
                entries = []
            self._names[folder] = {same_name(file_text(name)): name for name in entries}
        return self._names[folder]
