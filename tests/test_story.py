"""docs/story.md is what the program says, word for word. `python -m tests.story > docs/story.md` writes it anew."""

from pathlib import Path

from tests.story import story

PAGE = Path(__file__).parents[1] / "docs" / "story.md"


def test_the_story_is_as_the_program_tells_it() -> None:
    assert story() == PAGE.read_text(encoding="utf-8")
