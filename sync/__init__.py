"""Everything that touches the world: the sheet, the mail, the clock, the command line."""

__version__ = "0.1.0"
