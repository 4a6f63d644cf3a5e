"""How fast huzhu is, always beside what one would use instead. `python -m bench` prints it; nothing here is a test."""
