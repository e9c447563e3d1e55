"""What can be done with a search that has ended: choose among several, select again, propose, analyse."""

__all__: list[str] = []
