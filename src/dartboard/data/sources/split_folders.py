"""Which folders are the splits of an image folder, by their names and by what they hold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dartboard.data.sources.index import SplitName
from dartboard.data.sources.listing import BESIDE_SPLITS, Listing
from dartboard.data.sources.names import file_text
from dartboard.data.sources.split_names import split_and_rest
from dartboard.errors import DataError
from dartboard.wording import listing as in_words

__all__ = ["find_split_folders", "has_splits"]

_MAY_BE_CLASSES = ("train", "training", "valid", "dev", "development", "eval", "evaluation")
"""Names of splits that are also names of other things, where the folders beside them are classes."""


@dataclass
class _Family:
    """Folders whose names are words for splits and say the same beside these: seg_train/ and seg_test/.

    Attributes:
        rest: what the names say beside the words for splits.
        splits: split -> its folders, of which there should be one.
    """

    rest: str
    splits: dict[SplitName, list[Path]] = field(default_factory=dict)

    def folders(self) -> Iterator[Path]:
        return (folder for folders in self.splits.values() for folder in folders)


def find_split_folders(listing: Listing) -> dict[SplitName, Path]:
    """The split folders of a dataset: one for training, and those whose names go with it.

    Everything beside them is left out.

    Returns:
        The folders, or none if the folders of the dataset are classes.

    Raises:
        DataError: folders are called like splits, but there are two for one split or none for training.
        OSError: a folder cannot be listed.
    """
    entries = listing.entries(listing.root)
    families = _families(entries.folders)
    complete = [family for family in families if _is_complete(listing, family, entries.folders)]
    if len(complete) > 1:
        names = in_words(f"{folder.name}/" for family in complete for folder in family.folders())
        raise DataError(f"{listing.root} has more than one set of splits ({names}); keep one of them.")
    if not complete:
        for family in families:
            _refuse_without_training(listing, family, entries.folders)
        return {}
    (chosen,) = complete
    for split, folders in chosen.splits.items():
        if len(folders) > 1:
            first, second = folders[:2]
            raise DataError(f"{listing.root} has both {first.name}/ and {second.name}/ for {split}; keep one of them.")
    for path in (*entries.folders, *entries.files):
        if path not in chosen.folders():
            listing.leave_out(path, BESIDE_SPLITS, is_folder=path in entries.folders)
    found = {split: _inmost(listing, folder) for split, (folder,) in chosen.splits.items()}
    return {"train": found.pop("train"), **found}


def has_splits(root: Path) -> bool:
    """Whether a folder has a split folder for training; raises OSError where it cannot be listed."""
    listing = Listing(root)
    folders = listing.entries(root).folders
    return any(_is_complete(listing, family, folders) for family in _families(folders))


def _families(folders: Sequence[Path]) -> list[_Family]:
    families: dict[str, _Family] = {}
    for folder in folders:
        if found := split_and_rest(file_text(folder.name)):
            split, rest = found
            families.setdefault(rest, _Family(rest)).splits.setdefault(split, []).append(folder)
    return list(families.values())


def _is_complete(listing: Listing, family: _Family, folders: Sequence[Path]) -> bool:
    """Whether a family is the splits of a dataset: it has training images and, unless they are in classes, others."""
    train = family.splits.get("train", [])
    if not train or len(family.splits) > 1:
        return bool(train)
    return not family.rest and (train == folders or any(listing.entries(folder).folders for folder in train))


def _refuse_without_training(listing: Listing, family: _Family, folders: Sequence[Path]) -> None:
    """Refuse what must be splits, but lacks the one for training."""
    names = in_words(f"{folder.name}/" for folder in family.folders())
    others = [folder for folder in folders if folder not in family.folders()]
    inside = {inner.name for folder in family.folders() for inner in listing.entries(folder).folders}
    if not others:
        raise DataError(f"{listing.root} has {names} but no train/ folder; name the folder of training images train.")
    can_be_classes = family.rest or all(folder.name.lower() in _MAY_BE_CLASSES for folder in family.folders())
    if not can_be_classes or not inside.isdisjoint(folder.name for folder in others):
        raise DataError(
            f"{listing.root} has {names} beside {in_words(f'{folder.name}/' for folder in others[:3])}, but no train/ "
            "folder; put the class folders of the training images into train/, or rename what is a class itself."
        )


def _inmost(listing: Listing, folder: Path) -> Path:
    """The folder itself, or the one for the same split that is all it holds, as in seg_train/seg_train/."""
    entries = listing.entries(folder)
    if len(entries.folders) == 1 and not entries.files:
        (inner,) = entries.folders
        here, below = (split_and_rest(file_text(path.name)) for path in (folder, inner))
        if here and below and here[0] == below[0]:
            return _inmost(listing, inner)
    return folder
